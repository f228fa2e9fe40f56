import fc from 'fast-check'
import t from 'tap'
import { jsonRefusal, utf8Refusal } from './places.ts'

/** What JSON.parse says of it, undefined when it is JSON. */
function refusalOf(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

const placeIn = (refusal: string): number =>
  Number(/ at position (\d+)[^"]*$|\(at position (\d+)\)$/.exec(refusal)?.slice(1).join(''))

/** Whether JSON may begin so. */
function mayGoOn(text: string): boolean {
  const message = refusalOf(text)
  return message === undefined || message.endsWith('end of JSON input') || placeIn(message) === text.length
}

t.test('the place of a fault is the end of what JSON may begin with', async (t) => {
  const piece = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constantFrom(
      'tru',
      'nul',
      '-',
      '+1',
      '.5',
      '1.',
      'x',
      '\uFEFF',
      '"',
      '\\',
      ',',
      ':',
      '[',
      ']',
      '{',
      '}',
      ' ',
      '\n',
    ),
    fc.constantFrom('"a":', '"at position 7"', '{"a":', '[1,', '가', 'true', '-12.5e3'),
  )
  const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(text, (json) => {
      const message = refusalOf(json)
      if (message === undefined) return
      const at = placeIn(jsonRefusal(json, message))
      const before = json.slice(0, at)
      if (!mayGoOn(before) || (at < json.length && mayGoOn(json.slice(0, at + 1)))) throw new Error(`${at}: ${message}`)
    }),
    { numRuns: 3000 },
  )
  t.pass('for whatever it begins with')
})

t.test('what must not follow a backslash is at fault', async (t) => {
  for (const json of ['"\\가', '["ab\\\u{1F600}"]']) {
    t.match(jsonRefusal(json, refusalOf(json) as string), `(at position ${json.indexOf('\\') + 1})`)
  }
})

t.test('a fault far away is not looked for', async (t) => {
  const end = 'is not JSON: Unexpected end of JSON input'
  const message = 'Unexpected end of JSON input'
  for (const begin of ['[', '"', '[1,"']) {
    const filled = begin.padEnd(16_384)
    t.equal(jsonRefusal(filled, message), `${end} (at position 16384)`)
    t.equal(jsonRefusal(`${filled} `, message), `${end} (after position 16384)`)
  }
  t.equal(jsonRefusal(`${' '.repeat(16_381)}tru${' '.repeat(9)}`, 'm'), 'is not JSON: m (after position 16384)')
  t.equal(jsonRefusal(`${' '.repeat(16_380)}trux${' '.repeat(9)}`, 'm'), 'is not JSON: m (at position 16383)')
})

t.test('the place in bytes that are no text is that of the first that is none', async (t) => {
  const cases: [number[], number][] = [
    [[0xff], 0],
    [[0x61, 0x80, 0x61], 1],
    [[0xea, 0xb0, 0x80, 0xc3], 3],
    [[0x61, 0xed, 0xa0, 0x80], 1],
  ]
  for (const [bytes, at] of cases) t.equal(utf8Refusal(Buffer.from(bytes)), `is not valid UTF-8 (at byte ${at})`)
})

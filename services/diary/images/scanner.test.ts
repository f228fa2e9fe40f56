import fc from 'fast-check'
import t from 'tap'
import { Problem } from '#shared/problem.ts'
import { dataUrl } from '../test/diary.ts'
import { createImageScanner } from './scanner.ts'

/** What a scanner makes of pieces: what is left, and the bytes of each image. */
async function scanned(pieces: readonly Buffer[]) {
  const images: Buffer[] = []
  const scanner = createImageScanner({
    placeholder: (index) => `#${index}`,
    begin() {
      let bytes = Buffer.alloc(0)
      return {
        write: async (piece) => void (bytes = Buffer.concat([bytes, piece])),
        finish: async () => void images.push(bytes),
      }
    },
  })
  const left: Buffer[] = []
  // What passes through must be copied here: the pieces share memory with the input.
  for (const piece of pieces) left.push(...(await scanner.scan(piece)).map((part) => Buffer.from(part)))
  return { left: Buffer.concat(left).toString(), images }
}

const scan = (text: string) => scanned([Buffer.from(text)])

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}

/** The JSON of a value as different writers put it: slashes, plus and equals signs, or anything, escaped. */
const WRITERS: ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replaceAll('/', '\\/'),
  (text) => text.replace(/[+=]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`),
  (text) =>
    text.replace(/\\u.{4}|\\.|[D-Z]/g, (char) => (char.length > 1 ? char : `\\u00${char.charCodeAt(0).toString(16)}`)),
]
const escapeStrings = (json: string, writer: (text: string) => string) =>
  json.replace(/"(?:[^"\\]|\\.)*"/g, (string) => (/^"(?:images|content|tags)"$/.test(string) ? string : writer(string)))

const image = fc.uint8Array({ maxLength: 40 })
const plain = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('data:', 'data:imag', 'data:text/plain;base64,AAAA', '"', '\\', '{"images":["', 'images', '#0'),
)
const body = fc.record(
  {
    content: plain,
    tags: fc.array(plain, { maxLength: 3 }),
    other: fc.dictionary(plain, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
    nested: fc.record({
      images: fc.array(
        image.map((bytes) => dataUrl(bytes)),
        { maxLength: 2 },
      ),
    }),
    images: fc.array(fc.oneof(plain, image), { maxLength: 4 }),
  },
  { requiredKeys: ['images'] },
)

t.test('data URLs in images[] are taken out, nothing else is touched, wherever the text is cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.constantFrom(...WRITERS),
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 8 }),
      async (value, writer, spaced, places) => {
        const sent = { ...value, images: value.images.map((item) => (typeof item === 'string' ? item : dataUrl(item))) }
        const json = escapeStrings(JSON.stringify(sent, null, spaced ? 2 : 0), writer)
        const { left, images } = await scanned(cut(Buffer.from(json), places))
        let count = 0
        const expected = value.images.map((item) => (typeof item === 'string' ? item : `#${count++}`))
        t.same(JSON.parse(left), JSON.parse(JSON.stringify({ ...value, images: expected })))
        t.same(
          images,
          value.images.filter((item) => typeof item !== 'string').map((item) => Buffer.from(item)),
        )
      },
    ),
    { numRuns: 300 },
  )
})

t.test('a text that is cut at any one byte, or at every byte, gives the same', async (t) => {
  const bytes = Buffer.from([0, 1, 2, 250, 251, 252, 253, 254, 255, 62])
  const json = Buffer.from(
    `{"a":"\\"data:image/png;base64,AAAA","images":["x\\u0041",${JSON.stringify(dataUrl(bytes)).replaceAll('/', '\\/')},` +
      `"${dataUrl(bytes.subarray(1)).replaceAll('=', '\\u003d')}"],"b":"images"}`,
  )
  const whole = await scanned([json])
  t.same(whole.images, [bytes, bytes.subarray(1)])
  t.same(JSON.parse(whole.left), { a: '"data:image/png;base64,AAAA', images: ['xA', '#0', '#1'], b: 'images' })
  for (let place = 0; place <= json.length; place++) t.same(await scanned(cut(json, [place])), whole, `cut at ${place}`)
  t.same(await scanned([...json].map((byte) => Buffer.from([byte]))), whole)
})

t.test('only strings directly in the top-level array images are images', async (t) => {
  const url = dataUrl(Buffer.from('abc'))
  for (const json of [
    `{"content":"${url}"}`,
    `{"images":"${url}"}`,
    `{"images":{"images":["${url}"]}}`,
    `{"images":[["${url}"]]}`,
    `{"images":[{"a":"${url}"}]}`,
    `{"x":{"images":["${url}"]}}`,
    `{"images2":["${url}"]}`,
    `{"image":["${url}"]}`,
    `[["${url}"]]`,
    `["images",["${url}"]]`,
    `"${url}"`,
  ]) {
    t.same(await scan(json), { left: json, images: [] })
  }
  const two = await scan(`{"images":["${url}"],"tags":["${url}"],"images":["${url}"]}`)
  t.equal(two.left, `{"images":["#0"],"tags":["${url}"],"images":["#1"]}`)
})

t.test('line breaks, missing padding, upper case and parameters are taken as they are meant', async (t) => {
  for (const url of [
    'data:image/png;base64,YWJj\\nZA==',
    'data:image/png;base64,YWJjZA',
    'DATA:image/PNG;BASE64,YWJjZA==',
    'data:image/svg+xml;charset=utf-8;base64,YWJjZA==',
  ]) {
    const { images } = await scan(`{"images":["${url}"]}`)
    t.same(images, [Buffer.from('abcd')], url)
  }
})

t.test('what is not base64 is refused, wherever the text is cut', async (t) => {
  for (const data of [
    'A',
    'AAAAA',
    'AA=',
    'AA==AA==',
    'AAA=A',
    '=',
    'AA*A',
    'AAA\\',
    'AAA\\"',
    'AAA\\x',
    'AAAé',
    'AA\\u00zz',
    '\\"AAA',
  ]) {
    const json = Buffer.from(`{"images":["data:image/png;base64,${data}"]}`)
    for (let place = 30; place <= json.length; place++) {
      const error: unknown = await scanned(cut(json, [place])).catch((caught: unknown) => caught)
      t.equal((error as Problem).statusCode, 400, `${data} cut at ${place}`)
    }
  }
})

t.test('a data URL without base64 is refused, naming the field', async (t) => {
  for (const url of [
    'data:image/svg+xml,<svg>',
    'data:image/png;base64',
    `data:image/${'x'.repeat(300)}`,
    'data:image/;base64,AAAA',
  ]) {
    const error: unknown = await scan(`{"images":[${JSON.stringify(url)}]}`).catch((caught: unknown) => caught)
    t.ok(error instanceof Problem, url)
    t.match((error as Problem).options.errors, [{ in: 'body', field: 'images' }])
  }
})

t.test('a text that is not JSON passes through for the parser to refuse', async (t) => {
  for (const text of [
    '',
    '{',
    '}}]]{"images":[',
    '{"images":["data:image/png',
    'not json',
    '{"images":[}"data:image/png;base64,AAAA"',
  ]) {
    t.notOk((await scan(text)).images.length > 0, text)
  }
})

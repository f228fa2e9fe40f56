import t from 'tap'
import { etagOf, noneMatchHits, requireMatch } from './etag.ts'

const tag = etagOf('한글')

t.test('a tag is strong and belongs to the very bytes', async (t) => {
  t.match(tag, /^"[\w-]{27}"$/)
  t.equal(etagOf(Buffer.from('한글')), tag)
  t.not(etagOf('한글'.normalize('NFD')), tag)
  t.not(etagOf(''), tag)
})

t.test('If-None-Match compares weakly, in lists, and knows compressed variants', async (t) => {
  for (const field of [
    tag,
    `W/${tag}`,
    '*',
    ' * ',
    `"a", ${tag}`,
    `${tag},"a"`,
    `"a" , W/${tag} , "b"`,
    tag.replace(/"$/, '-br"'),
  ]) {
    t.equal(noneMatchHits(field, tag), true, field)
  }
  for (const field of [undefined, '', '""', tag.slice(1, -1), 'W/', `"x${tag.slice(1)}`, `${tag}x`, 'rubbish', '"*"']) {
    t.equal(noneMatchHits(field, tag), false, String(field))
  }
})

t.test('If-Match compares strongly: another, a weak or no version is 412 with the current tag', async (t) => {
  for (const field of [undefined, tag, '*', `"a", ${tag}`, tag.replace(/"$/, '-gzip"')]) {
    t.doesNotThrow(() => requireMatch(field, tag), String(field))
  }
  for (const field of [`W/${tag}`, '"a"', '""', '', 'rubbish']) {
    t.throws(() => requireMatch(field, tag), { statusCode: 412, options: { headers: { etag: tag } } } as never, field)
  }
  t.throws(() => requireMatch('*', undefined), { statusCode: 412 } as never, 'there is nothing to match')
  t.doesNotThrow(() => requireMatch(undefined, undefined))
})

t.test('a hostile list takes no more than one pass', async (t) => {
  t.equal(noneMatchHits('"a",'.repeat(100_000), tag), false)
  t.equal(noneMatchHits(`${' '.repeat(100_000)}x`, tag), false)
  t.equal(noneMatchHits('W/'.repeat(100_000), tag), false)
})

t.test('no tag looks like that of a compressed answer', async (t) => {
  const etag = etagOf('entry 26240') // its hash ends in -br
  t.ok(noneMatchHits(etag, etag))
  t.doesNotThrow(() => requireMatch(etag, etag))
})

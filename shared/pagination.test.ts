import fc from 'fast-check'
import t from 'tap'
import { decodeCursor, encodeCursor, nextLink } from './pagination.ts'

t.test('a cursor gives back the sort key that it was made from', async (t) => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
    fc.maxSafeInteger(),
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), (key) => {
      const cursor = encodeCursor(key)
      t.match(cursor, /^[\w-]*$/)
      t.same(
        decodeCursor(
          cursor,
          key.map((one) => typeof one as 'string' | 'number'),
        ),
        key,
      )
    }),
    { numRuns: 100 },
  )
})

t.test('what no list gave out is refused, naming the parameter', async (t) => {
  const good = encodeCursor(['2026-11-21', 7])
  for (const [cursor, types] of [
    ['', ['string']],
    ['rubbish', ['string']],
    [`${good}x`, ['string', 'number', 'number']],
    [good, ['string']],
    [good, ['number', 'string']],
    [good, ['string', 'number', 'string']],
    [encodeCursor([]), ['string']],
    ...[0.5, 1e308, -1e308, 2 ** 53, -(2 ** 53)].map((n) => [encodeCursor([n]), ['number']] as const),
    [encodeCursor(['a\0b']), ['string']],
    [Buffer.from('{"length":1,"0":"x"}').toString('base64url'), ['string']],
    [Buffer.from('[null]').toString('base64url'), ['string']],
    [Buffer.from('['.repeat(10_000)).toString('base64url'), ['string']],
  ] as const) {
    t.throws(() => decodeCursor(cursor, types), {
      statusCode: 400,
      options: { errors: [{ field: 'cursor' }] },
    } as never)
  }
})

t.test('the next page keeps the query and leaves the page number behind', async (t) => {
  t.equal(nextLink('/api/diaries', 'c'), '</api/diaries?cursor=c>; rel="next"')
  t.equal(
    nextLink('/api/diaries?month=2026-11&page=2&limit=5&cursor=old', 'new'),
    '</api/diaries?month=2026-11&limit=5&cursor=new>; rel="next"',
  )
  t.equal(
    nextLink('/search?q=%ED%95%9C+%EA%B8%80%3Ex', 'c'),
    '</search?q=%ED%95%9C+%EA%B8%80%3Ex&cursor=c>; rel="next"',
  )
  t.equal(
    nextLink('/search?q=why?&mood=?&limit=1', 'c'),
    '</search?q=why%3F&mood=%3F&limit=1&cursor=c>; rel="next"',
    'a query may hold question marks',
  )
})

import fc from 'fast-check'
import t from 'tap'
import { newEntryId, parseEntryId, randomId, utf8Length } from './entry-id.ts'

t.test('ids sort in the order in which they were made, also when the clock is set back', async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_000_000_000_000 }), { minLength: 2 }), (clock) => {
      let after = 0
      const ids = clock.map((now) => {
        const entry = newEntryId(7, after, now)
        after = entry.order
        return entry.id
      })
      return JSON.stringify(ids) === JSON.stringify([...ids].sort()) && new Set(ids).size === ids.length
    }),
  )
})

t.test('an id says when it was made and how large its report is; anything else is no id', async (t) => {
  const entry = newEntryId(123, 0, 1_795_000_000_000)
  t.same(parseEntryId(entry.id), { id: entry.id, bytes: 123, order: 1_795_000_000_000_000 })
  t.ok(entry.id.length <= 255, 'it fits into an Idempotency-Key')
  for (const id of ['', 'x', '1795000000000000-1', `${entry.id}x`, entry.id.slice(1)])
    t.equal(parseEntryId(id), undefined)
})

t.test('random ids are UUIDs on every platform', async (t) => {
  const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
  const getRandomValues = (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(0xff)
  for (const scope of [globalThis, { crypto: { getRandomValues } }, { crypto: {} }, {}]) t.match(randomId(scope), uuid)
  t.not(randomId({}), randomId({}))
})

t.test('bytes are those of UTF-8', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => utf8Length(text) === new TextEncoder().encode(text).length),
  )
})

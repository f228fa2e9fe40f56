import fc from 'fast-check'
import t from 'tap'
import { createSeen } from './seen.ts'

const all = (seen: ReturnType<typeof createSeen>, tag: number) => {
  const found: number[] = []
  seen.find(tag, (seq) => void found.push(seq))
  return found.sort((one, other) => one - other)
}

t.test('every report of a tag is found, whatever the tags, and no other', async (t) => {
  const tag = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 ** 32 - 1 }))
  fc.assert(
    fc.property(fc.array(tag, { maxLength: 400 }), fc.integer({ min: 1, max: 2 ** 40 }), (tags, first) => {
      const seen = createSeen(400)
      tags.forEach((tag, at) => seen.add(tag, first + at, 1))
      for (const tag of new Set(tags)) {
        const expected = tags.flatMap((other, at) => (other === tag ? [first + at] : []))
        t.same(all(seen, tag), expected)
      }
      t.same(all(seen, 6), tags.includes(6) ? all(seen, 6) : [])
    }),
  )
})

t.test('the newest are remembered, at least as many as was asked for, and not many more', async (t) => {
  for (const max of [1, 16, 100]) {
    const seen = createSeen(max)
    for (let seq = 1; seq <= 1000; seq++) seen.add(7, seq, 1)
    const found = all(seen, 7)
    t.ok(found.length >= max && found.length <= max * 1.2 + 17, `${found.length} of ${max}`)
    t.equal(found[0], 1000 - found.length + 1)
  }
})

t.test('what is too old is forgotten with all that came in the same stretch', async (t) => {
  const seen = createSeen(16 * 3)
  for (let seq = 1; seq <= 9; seq++) seen.add(7, seq, seq)
  seen.forget(2)
  t.equal(all(seen, 7).length, 9)
  seen.forget(3)
  t.same(all(seen, 7), [4, 5, 6, 7, 8, 9])
  seen.forget(9)
  t.same(all(seen, 7), [])
})

t.test('numbers that come again after the last reports were deleted do no harm', async (t) => {
  const seen = createSeen(160)
  for (const seq of [100, 101, 50, 51, 2 ** 33]) seen.add(7, seq, 1)
  t.same(all(seen, 7), [50, 51, 100, 101, 2 ** 33])
  t.equal(
    seen.find(7, (seq) => (seq === 51 ? 'it' : undefined)),
    'it',
  )
})

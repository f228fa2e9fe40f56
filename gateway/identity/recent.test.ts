import fc from 'fast-check'
import t from 'tap'
import { createRecent } from './recent.ts'

t.test('what is used stays, what is not is forgotten, and there is never more than fits', async (t) => {
  const recent = createRecent<number>(10)
  recent.set('used', 0)
  for (let i = 0; i < 100; i++) {
    recent.set(`k${i}`, i)
    t.equal(recent.get('used'), 0)
    t.ok(recent.size() <= 10)
  }
  t.equal(recent.get('k99'), 99)
  t.equal(recent.get('k0'), undefined)
})

t.test('whatever happens to it, a value is the one that was set last, or none', async () => {
  const action = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    what: fc.constantFrom('set', 'delete', 'get'),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (actions, max) => {
      const recent = createRecent<number>(max)
      const all = new Map<string, number>()
      return actions.every(({ key, what }, index) => {
        if (what === 'set') {
          recent.set(key, index)
          all.set(key, index)
        } else if (what === 'delete') {
          recent.delete(key)
          all.delete(key)
        }
        const found = recent.get(key)
        return (found === undefined || found === all.get(key)) && (what !== 'set' || found === index)
      })
    }),
  )
})

t.test('cleared, it knows nothing', async (t) => {
  const recent = createRecent<number>(2)
  for (const key of ['a', 'b', 'c']) recent.set(key, 1)
  recent.clear()
  t.equal(recent.size(), 0)
  for (const key of ['a', 'b', 'c']) t.equal(recent.get(key), undefined)
})

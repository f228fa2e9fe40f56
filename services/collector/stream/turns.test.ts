import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { createTurns } from './turns.ts'

const [A, B] = [asTenant('a'), asTenant('b')]

t.test(
  'so many at once, of one tenant and in all, and the next of another tenant comes before the next but one',
  async (t) => {
    const turns = createTurns(2, 1)
    const [begun, ends]: [string[], (() => void)[]] = [[], []]
    const work = (name: string) => () => {
      begun.push(name)
      return new Promise<void>((resolve) => ends.push(resolve))
    }
    const all = [
      ...['a1', 'a2', 'a3'].map((name) => turns.run(A, work(name))),
      ...['b1', 'b2'].map((name) => turns.run(B, work(name))),
    ]
    const tick = () => new Promise((resolve) => setTimeout(resolve, 5))
    await tick()
    t.same(begun, ['a1', 'b1'])
    for (const order of [
      ['a1', 'b1', 'a2'],
      ['a1', 'b1', 'a2', 'b2'],
      ['a1', 'b1', 'a2', 'b2', 'a3'],
    ]) {
      ends.shift()?.()
      await tick()
      t.same(begun, order)
    }
    for (const end of ends) end()
    await Promise.all(all)
  },
)

t.test('what fails gives its turn back, and whatever waits is done between two turns', async (t) => {
  const turns = createTurns(1, 1)
  const done: string[] = []
  setImmediate(() => done.push('other'))
  await Promise.all([
    t.rejects(
      turns.run(A, () => {
        done.push('first')
        throw new Error('for the test')
      }),
      { message: 'for the test' },
    ),
    turns.run(A, () => void done.push('second')),
  ])
  t.same(done, ['first', 'other', 'second'])
})

import t from 'tap'
import type { Problem } from '#shared/problem.ts'
import { asTenant } from '#shared/scope.ts'
import { createSlots } from './slots.ts'

function slotsOf(max: number, tenantMax: number) {
  let now = 1000
  const slots = createSlots({ what: 'exports', max, tenantMax, setting: 'SOME_MAX', retryAfterS: 2, clock: () => now })
  const take = (tenant: string) => slots.take(asTenant(tenant))
  const refusal = (tenant: string) => {
    try {
      take(tenant)
    } catch (error) {
      const { problem, options } = error as Problem
      return [problem, options?.headers?.['retry-after']]
    }
    return undefined
  }
  return { take, refusal, wait: (s: number) => void (now += s * 1000) }
}

t.test('a few tenants never have all: the last half is for those that have none', async (t) => {
  const { take, refusal } = slotsOf(8, 4)
  const ends = [take('a'), take('a'), take('a'), take('a')]
  t.match(refusal('a'), ['too-many-requests'], 'its share')
  ends.push(take('b'))
  t.match(refusal('b'), ['overloaded'], 'a second one is of the first half')
  for (const tenant of ['c', 'd', 'e']) ends.push(take(tenant))
  t.match(refusal('f'), ['overloaded'])
  ends.pop()?.()
  ends.push(take('f'))
  for (const end of ends) end()
  t.same([refusal('b'), refusal('b'), refusal('c'), refusal('b')], [undefined, undefined, undefined, undefined])
})

t.test('of few there is one for each who comes first', async (t) => {
  const { take, refusal } = slotsOf(1, 2)
  const end = take('a')
  t.match([refusal('a'), refusal('b')], [['overloaded'], ['overloaded']])
  end()
  t.equal(refusal('b'), undefined)
})

t.test('Retry-After is as long as it takes until one of them ends, as far as anybody can tell', async (t) => {
  const { take, refusal, wait } = slotsOf(4, 2)
  const first = take('a')
  wait(120)
  first()
  const [second, third] = [take('a'), take('b')]
  t.same(refusal('a'), ['overloaded', '60'], 'one lasts 120 s, and there are two')
  take('c')
  take('d')
  t.same(refusal('e'), ['overloaded', '30'])
  t.same(refusal('b'), ['overloaded', '30'])
  wait(400)
  t.same(refusal('e'), ['overloaded', '100'], 'they last longer than usual')
  wait(1e6)
  t.same(refusal('e'), ['overloaded', '3600'], 'and at most an hour')
  second()
  third()
})

t.test('Retry-After of the share of a tenant is about its own ones, and never shorter than the least', async (t) => {
  const { take, refusal, wait } = slotsOf(10, 2)
  const first = take('a')
  wait(1)
  first()
  take('a')
  take('a')
  t.same(refusal('a'), ['too-many-requests', '2'])
  wait(60)
  for (const tenant of ['b', 'c', 'd']) take(tenant)
  t.same(refusal('a'), ['too-many-requests', '30'])
})

t.test('what one tenant has under way for long makes no other one wait for its share', (t) => {
  const { take, refusal, wait } = slotsOf(10, 2)
  const slow = take('a')
  wait(3000)
  slow()
  take('b')
  const quick = take('b')
  t.same(refusal('b'), ['too-many-requests', '2'])
  wait(8)
  quick()
  take('b')
  t.same(refusal('b'), ['too-many-requests', '4'], 'but what its own ones take')
  t.end()
})

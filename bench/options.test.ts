import t from 'tap'
import { CASES, parseOptions } from './options.ts'

t.test('without options everything is measured', async (t) => {
  t.same(parseOptions([]), { only: [...CASES], rounds: 3, duration: 3, warmup: 20_000, reports: 1_000_000 })
})

t.test('cases and numbers can be chosen', async (t) => {
  const chosen = parseOptions([
    '--only',
    'path',
    '--only',
    'start',
    '--rounds',
    '5',
    '--duration',
    '2',
    '--warmup',
    '0',
  ])
  t.same(chosen, { only: ['path', 'start'], rounds: 5, duration: 2, warmup: 0, reports: 1_000_000 })
})

t.test('a wrong option is refused by its name', async (t) => {
  t.throws(() => parseOptions(['--only', 'everything']), /--only must be one of proxy, upload/)
  t.throws(() => parseOptions(['--rounds', '0']), /--rounds must be a whole number from 1 to 100, not 0/)
  t.throws(() => parseOptions(['--duration', '1.5']), /--duration must be a whole number/)
  t.throws(() => parseOptions(['--fast']), /--fast/)
})

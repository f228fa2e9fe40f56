import t from 'tap'
import { CATALOG, Problem, type ProblemName } from './problem.ts'

t.test('what a client does wrong has no stack, what goes wrong here has one, and so has its cause', async (t) => {
  const limit = Error.stackTraceLimit
  for (const [name, [status]] of Object.entries(CATALOG)) {
    const cause = new Error('why')
    const problem = new Problem(name as ProblemName, { cause })
    t.equal(/^ {4}at /m.test(problem.stack ?? ''), status >= 500, name)
    t.match((problem.cause as Error).stack, /^ {4}at /m)
  }
  t.equal(Error.stackTraceLimit, limit)
})

import type { Severity } from '../ingest/severity.ts'
import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import { collector, SQLITE_ONLY } from '../test/collector.ts'
import { createDictionary } from './dictionary.ts'

const KNOWN_MAX = 50_000
const TENANT = asTenant('default')
const slow = (severity: Severity) =>
  ({ fingerprint: 'f', severity, verdict: 'warn', rule: 'slow', target: 'home', message: '' }) as const

t.test(
  'a number that a write had given goes with it, also when the memory was full meanwhile',
  SQLITE_ONLY,
  async (t) => {
    const { database } = await collector(t)
    createDictionary(database).ofEvaluation(TENANT, slow('info'))
    const dictionary = createDictionary(database)
    dictionary.begin()
    database.exec('BEGIN')
    for (let n = 1; n < KNOWN_MAX; n++) dictionary.idOf(TENANT, 'label', String(n))
    database.exec('COMMIT')

    dictionary.begin()
    database.exec('BEGIN')
    const undone = dictionary.ofEvaluation(TENANT, slow('warn'))
    database.exec('ROLLBACK')

    dictionary.begin()
    const other = dictionary.idOf(TENANT, 'label', 'other')
    t.equal(undone.split(',')[0], String(other), 'it is given again')
    t.not(dictionary.ofEvaluation(TENANT, slow('warn')), undone)
  },
)

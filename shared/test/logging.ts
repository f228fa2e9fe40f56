// Run by logger.test.ts as a process of its own: what a logger writes can only be seen from outside.
import assert from 'node:assert/strict'
import { commonSettings, readConfig } from '../config.ts'
import { createLogger } from '../logger.ts'

const logger = createLogger('calendar', readConfig(commonSettings, process.env))
const [what = '', count = '1'] = process.argv.slice(2)

if (what === 'fields') {
  logger.info(
    {
      requestId: 'r-1',
      authorization: 'Bearer very-secret',
      headers: { cookie: 'very-secret', 'x-api-key': 'very-secret', 'x-monitor-key': 'very-secret', accept: 'json' },
      list: [{ password: 'very-secret' }],
      a: { b: { c: { d: { e: 1 } } } },
    },
    '한글 "quoted"\nnew line',
  )
  logger.error({ err: new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'E_INNER' }) }) }, 'failed')
  logger.warn(new Error('alone'))
  logger.info('text alone')
  logger.debug('not shown at info')
} else if (what === 'request') {
  logger.info({ requestId: 'abcdef-123456', method: 'GET', path: '/api/events', status: 200, ms: 1.5 })
  logger.error({ err: new Error('with a stack') }, 'failed')
} else if (what === 'odd') {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const odd: [unknown, unknown?][] = [
    [{ err: null }, 'nothing was thrown'],
    [{ n: 10n, deep: { list: [1n] } }, 'large numbers'],
    [Object.assign(new Error('with codes'), { code: circle })],
    [{ a: { toJSON: () => ({ password: 'very-secret' }) } }, 'has a text of its own'],
    [{ a: { toJSON: () => assert.fail('very-secret') } }, 'cannot be text'],
    [{ level: 'fatal', service: 'other', time: 'never', message: 'other' }, 'names of every line'],
    [Object.defineProperty({}, 'a', { enumerable: true, get: () => assert.fail('the reason') }), 'cannot be read'],
    [{}, Object.create(null)],
    [null, 'no fields'],
    [Symbol('alone')],
    [{ method: 'GET', path: '/\n\u001b[2J', status: 200, ms: 1, more: '\u009b2J' }, 'forged\n00:00:00.000 info'],
  ]
  for (const [fields, message] of odd) logger.error(fields, message as string)
} else {
  for (let i = 0; i < Number(count); i++) logger.info({ i, filler: 'x'.repeat(100) }, 'line')
}
if (what === 'exit') process.exit(0)
if (what === 'crash') throw new Error('the process dies')

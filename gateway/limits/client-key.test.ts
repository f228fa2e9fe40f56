import t from 'tap'
import { createApiKeys } from '#shared/api-keys.ts'
import { clientKey, createMonitorCheck } from './client-key.ts'

t.test('a verified key is the client, an invented one counts for its address', async (t) => {
  const keys = createApiKeys('default:collector-key,teamA:teamA-key:viewer,teamA:second-key')
  const keyOf = (headers: Record<string, string>) => clientKey(headers, '192.0.2.7', keys)
  t.match(keyOf({ 'x-tenant': 'teamA', 'x-api-key': 'teamA-key' }), /^key:teamA:/)
  t.not(
    keyOf({ 'x-tenant': 'teamA', 'x-api-key': 'teamA-key' }),
    keyOf({ 'x-tenant': 'teamA', 'x-api-key': 'second-key' }),
  )
  t.notMatch(keyOf({ 'x-tenant': 'teamA', 'x-api-key': 'teamA-key' }), 'teamA-key', 'it does not show the key')
  for (const headers of [
    {},
    { 'x-api-key': 'teamA-key' },
    { 'x-tenant': 'teamA' },
    { 'x-tenant': 'teamA', 'x-api-key': 'wrong' },
    { 'x-tenant': 'default', 'x-api-key': 'teamA-key' },
    { 'x-tenant': 'nobody', 'x-api-key': 'teamA-key' },
    { 'x-tenant': '__proto__', 'x-api-key': 'teamA-key' },
  ]) {
    t.equal(keyOf(headers as Record<string, string>), 'ip:192.0.2.7', JSON.stringify(headers))
  }
})

t.test('the monitor is known by the whole key only, and by none when none is set', async (t) => {
  const key = 'k'.repeat(64)
  const isMonitor = createMonitorCheck(key)
  t.equal(isMonitor({ 'x-monitor-key': key }), true)
  for (const offered of ['', 'k', `${key}k`, key.slice(1)]) t.equal(isMonitor({ 'x-monitor-key': offered }), false)
  t.equal(isMonitor({}), false)
  t.equal(createMonitorCheck(undefined)({ 'x-monitor-key': '' }), false)
})

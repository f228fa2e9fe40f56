import t from 'tap'
import { createApiKeys } from '#shared/api-keys.ts'
import { clientKey, createMonitorCheck, networkOf } from './client-key.ts'

t.test('an IPv6 client is its /64, an IPv4 client its address', async (t) => {
  for (const [address, network] of [
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1::9', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['192.0.2.7', '192.0.2.7'],
  ] as const) {
    t.equal(networkOf(address), network, address)
  }
})

t.test('two addresses of one /64 are one client, of two /64 two', async (t) => {
  t.equal(networkOf('2001:db8:1:2:aaaa::1'), networkOf('2001:db8:1:2:bbbb::2'))
  t.not(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
})

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

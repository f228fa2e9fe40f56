import { randomBytes } from 'node:crypto'
import { until } from '#shared/test/until.ts'
import t from 'tap'
import { alerting, SECRET } from '../test/collector.ts'
import { receiver } from '../test/receiver.ts'

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`

t.test('secrets of a channel are sealed and never given back, and stay when they are left out', async (t) => {
  const hook = await receiver(t)
  const it = await alerting(t)
  await it.channel('hook', { kind: 'webhook', url: `${hook.url}/a-secret-path`, secret: SECRET })
  await it.channel('pager', { kind: 'pagerduty', routingKey: 'a-routing-key', url: hook.url })
  const shown = JSON.stringify([
    await it.call('GET', '/channels', 200),
    await it.call('GET', '/channels/hook', 200),
    await it.call('GET', '/channels/pager', 200),
  ])
  t.match(shown, `"target":"127.0.0.1:${hook.port}"`)
  for (const secret of ['a-secret-path', SECRET, 'a-routing-key']) t.notMatch(shown, secret)
  const stored = JSON.stringify(await it.sql('SELECT channel, target, sealed FROM alert_channels'))
  for (const secret of ['a-secret-path', 'a-routing-key']) t.notMatch(stored, secret)

  await it.call('PUT', '/channels/hook', 200, { payload: { kind: 'webhook', language: 'en', levels: ['info'] } })
  await it.call('POST', '/channels/hook/test', 202)
  t.equal((await hook.count(1)).path, '/a-secret-path')
  await it.call('PUT', '/channels/hook', 400, { payload: { kind: 'slack' } })
  hook.state.answer = (response) => response.writeHead(400).end('no such thing: a-secret-path')
  const { id } = await it.call<{ id: string }>('POST', '/channels/hook/test', 202)
  const dead = await until('a dead one', async () => {
    const found = await it.call<{ state: string; lastError: string }>('GET', `/notifications/${id}`, 200)
    return found.state === 'dead' && found
  })
  t.equal(dead.lastError, 'HTTP 400', 'what the receiver says is left out when there is a secret in it')
})

t.test('secrets of a channel do not follow a url that somebody else puts in', async (t) => {
  const [hook, thief] = [await receiver(t), await receiver(t)]
  const it = await alerting(t)
  await it.channel('pager', { kind: 'pagerduty', routingKey: 'a-routing-key', url: `${hook.url}/one` })
  await it.channel('usual', { kind: 'pagerduty', routingKey: 'a-routing-key' })
  await it.channel('hook', { kind: 'webhook', url: `${hook.url}/one`, secret: SECRET })
  for (const [name, kind, field] of [
    ['pager', 'pagerduty', 'routingKey'],
    ['usual', 'pagerduty', 'routingKey'],
    ['hook', 'webhook', 'secret'],
  ] as const) {
    for (const url of [thief.url, `http://localhost:${hook.port}/one`, `https://127.0.0.1:${hook.port}/one`]) {
      const refused = await it.call('PUT', `/channels/${name}`, 400, { payload: { kind, url } })
      t.match(refused, { errors: [{ field, message: /given again/ }] }, `${name} ${url}`)
    }
  }
  await it.call('PUT', '/channels/hook', 400, { payload: { kind: 'pagerduty', url: `${hook.url}/one` } })
  await it.call('POST', '/channels/pager/test', 202)
  t.equal((await hook.count(1)).path, '/one', 'what was refused changed nothing')

  const within = { kind: 'pagerduty', url: `${hook.url}/two` }
  await it.call('PUT', '/channels/pager', 200, { payload: within })
  await it.call('POST', '/channels/pager/test', 202)
  t.match(await hook.count(2), { path: '/two', body: { routing_key: 'a-routing-key' } })
  const moved = { kind: 'pagerduty', url: thief.url, routingKey: 'another-key' }
  await it.call('PUT', '/channels/pager', 200, { payload: moved })
  await it.call('POST', '/channels/pager/test', 202)
  t.match(await thief.count(1), { body: { routing_key: 'another-key' } })
})

t.test('a channel that cannot work is refused by its member', async (t) => {
  const it = await alerting(t)
  const refused = async (payload: object, field: string) =>
    t.match(await it.call('PUT', '/channels/a', 400, { payload }), { errors: [{ field }] }, JSON.stringify(payload))
  const url = 'https://hooks.example/x'
  await refused({ kind: 'fax' }, 'kind')
  await refused({ kind: 'slack' }, 'url')
  await refused({ kind: 'slack', url, routingKey: 'x' }, 'routingKey')
  await refused({ kind: 'pagerduty' }, 'routingKey')
  await refused({ kind: 'pagerduty', routingKey: 'x', groupBy: 'all' }, 'groupBy')
  await refused({ kind: 'webhook', url }, 'secret')
  await refused({ kind: 'webhook', url, secret: 'whsec_short' }, 'secret')
  await refused({ kind: 'webhook', url: 'ftp://a.example/', secret: SECRET }, 'url')
  await refused({ kind: 'webhook', url: 'https://a:b@hooks.example/', secret: SECRET }, 'url')
  await refused({ kind: 'slack', url, levels: [] }, 'levels')
  await refused({ kind: 'slack', url, repeatInterval: '1x' }, 'repeatInterval')
  await refused({ kind: 'email', to: ['nobody'] }, 'to.0')
  t.match(await it.call('PUT', '/channels/a', 409, { payload: { kind: 'email', to: ['a@example.com'] } }), {
    message: /SMTP_URL/,
  })
  await it.call('POST', '/channels/a/test', 404)
  await it.call('GET', '/channels/a', 404)
  await it.call('DELETE', '/channels/a', 404)
})

t.test('secrets of channels are brought under a new key, and given anew when they do not open', async (t) => {
  const hook = await receiver(t)
  const [old, fresh] = [key('old'), key('fresh')]
  const before = await alerting(t, { ENCRYPTION_KEYS: old })
  await before.channel('hook', { kind: 'webhook', url: `${hook.url}/path`, secret: SECRET })
  await before.close()
  const both = await alerting(t, { ENCRYPTION_KEYS: `${fresh},${old}`, DATA_DIR: before.dataDir })
  await until('the rotation', async () => {
    const [row] = await both.sql<{ sealed: Buffer }>('SELECT sealed FROM alert_channels')
    return row?.sealed.toString('latin1').includes('fresh')
  })
  await both.close()
  const after = await alerting(t, { ENCRYPTION_KEYS: fresh, DATA_DIR: before.dataDir })
  await after.call('POST', '/channels/hook/test', 202)
  t.equal((await hook.count(1)).path, '/path')

  await after.sql('UPDATE alert_channels SET sealed = ?', Buffer.from('sealed by nobody'))
  const again = { kind: 'webhook', url: `${hook.url}/again`, secret: SECRET }
  await after.call('PUT', '/channels/hook', 400, { payload: { kind: 'webhook' } })
  await after.call('PUT', '/channels/hook', 200, { payload: again })
  await after.call('POST', '/channels/hook/test', 202)
  t.equal((await hook.count(2)).path, '/again')
})

t.test('who cannot open the secrets of channels does not start', async (t) => {
  const known = key('known')
  const before = await alerting(t, { ENCRYPTION_KEYS: known })
  await before.channel('hook', { kind: 'webhook', url: 'https://hooks.example/x', secret: SECRET })
  // As who has lost the key of bundles does: a new one is made at the next start, and the channels alone tell.
  await before.sql('DELETE FROM bundle_keys')
  await before.close()
  const env = { DATA_DIR: before.dataDir }
  const told = /^this database's secrets are sealed with another key \(what the alert channel hook of default keeps/
  for (const ENCRYPTION_KEYS of [key('other'), key('known')]) {
    await t.rejects(alerting(t, { ...env, ENCRYPTION_KEYS }), { name: 'ConfigError', message: told }, ENCRYPTION_KEYS)
  }
  const after = await alerting(t, { ...env, ENCRYPTION_KEYS: `${key('other')},${known}` })
  await after.call('GET', '/channels/hook', 200)
})

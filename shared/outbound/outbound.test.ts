import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { readConfig, commonSettings } from '../config.ts'
import { certificateFor } from '../test/certificate.ts'
import { isPublic } from './allowed.ts'
import { createOutboundClient, OutboundFailed, type OutboundDeps } from './client.ts'
import { outboundSettings } from './settings.ts'
import { OutboundRefused } from './target.ts'

async function listening(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    if ('closeAllConnections' in server) (server as { closeAllConnections(): void }).closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}
const serving = (t: Test, listener: RequestListener) => listening(t, createServer(listener))

const settings = { ...commonSettings, ...outboundSettings }
const configOf = (env: Record<string, string>) => readConfig(settings as never, env) as never
const client = (env: Record<string, string> = {}, deps: OutboundDeps = {}) => createOutboundClient(configOf(env), deps)
const LOCAL = { OUTBOUND_ALLOW: '127.0.0.1' }
const get = (url: string) => ({ method: 'GET', url }) as const
const refused = (t: Test, sent: Promise<unknown>, message: string | RegExp) =>
  t.rejects(sent, { name: 'OutboundRefused', message }, String(message))
const failed = (t: Test, sent: Promise<unknown>, code: string) =>
  t.rejects(sent, { name: 'OutboundFailed', code }, code)

t.test('a request goes where it may, with its headers and body, and its answer comes back', async (t) => {
  let seen: { headers: IncomingMessage['headers']; body: string; method?: string } | undefined
  const port = await serving(t, (request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      seen = { headers: request.headers, body, method: request.method as string }
      response.writeHead(429, { 'Retry-After': '7' }).end('later')
    })
  })
  const answer = await client(LOCAL).send({
    method: 'POST',
    url: `http://127.0.0.1:${port}/a?b=c`,
    headers: { 'content-type': 'application/json' },
    body: '{"가":1}',
  })
  t.match(answer, { status: 429, headers: { 'retry-after': '7' } })
  t.equal(answer.body.toString(), 'later')
  t.match(seen, { method: 'POST', body: '{"가":1}', headers: { 'content-length': '9', host: `127.0.0.1:${port}` } })
})

t.test('addresses that only this machine or its network can reach are refused, however they are written', async (t) => {
  const never = client({}, { lookup: () => Promise.reject(new Error('nothing is looked up')) })
  for (const host of [
    ...['127.0.0.1', '0x7f.1', '2130706433', '0177.0.0.1', '127.1', '0.0.0.0', '10.1.2.3', '172.31.0.1', '192.168.0.1'],
    ...['169.254.169.254', '100.64.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1'],
    ...['[::]', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:8.8.8.8]', '[::7f00:1]', '[fe80::1]', '[fd00::1]', '[ff02::1]'],
    ...[
      '[2002:7f00:1::]',
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::1]',
      '[2001::1]',
      '[2001:db8::1]',
      '[fec0::1]',
      '[100::1]',
    ],
  ]) {
    await refused(t, never.send(get(`https://${host}/`)), /is not on the public internet/)
    t.throws(() => never.check(`https://${host}/`), OutboundRefused)
  }
  for (const address of ['8.8.8.8', '2606:4700::1111']) t.equal(isPublic(address), true, address)
  t.equal(isPublic('nonsense'), false)
})

t.test('what clouds tell their guests is not asked for, by no address of it', async (t) => {
  const services = [
    '168.63.129.16',
    '0xa83f8110',
    '169.254.169.254',
    '100.100.100.200',
    '192.0.0.192',
    '[fd00:ec2::254]',
  ]
  for (const host of services) {
    await refused(t, client().send(get(`https://${host}/`)), /is not on the public internet/)
  }
  const lookup = async () => [{ address: '168.63.129.16', family: 4 }]
  await refused(t, client({}, { lookup }).send(get('https://hooks.example/')), /^hooks.example is not on/)
  const allowed = client({ OUTBOUND_ALLOW: '168.63.129.16' })
  t.doesNotThrow(() => allowed.check('http://168.63.129.16/'), 'but where the installation wants it')
})

t.test('what is no address of the web is refused, and no URL is in the message', async (t) => {
  for (const url of ['nonsense', 'ftp://hooks.example/', 'file:///etc/passwd', 'https://user:secret@hooks.example/']) {
    await refused(t, client().send(get(url)), /^the address (?!.*secret)/)
  }
  await refused(t, client().send(get('http://hooks.example/secret')), /^hooks.example is only asked by https:/)
  await refused(t, client().send(get('https://8.8.8.8:22/secret')), /^8.8.8.8 is not asked at port 22/)
})

t.test('a name is refused for any of its addresses, and localhost is one', async (t) => {
  const addresses = [
    { address: '8.8.8.8', family: 4 },
    { address: 'fd00::5', family: 6 },
  ]
  await refused(
    t,
    client({}, { lookup: async () => addresses }).send(get('https://hooks.example/')),
    /^hooks.example is/,
  )
  await refused(t, client().send(get('https://localhost/')), /^localhost is not on the public internet/)
  await failed(t, client({}, { lookup: async () => [] }).send(get('https://hooks.example/')), 'ENOTFOUND')
  const lookup = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }))
  await failed(t, client({}, { lookup }).send(get('https://hooks.example/')), 'EAI_AGAIN')
})

t.test('the connection goes to the address that was checked, whatever the name says a moment later', async (t) => {
  const port = await serving(t, (request, response) => response.end(request.headers.host))
  let lookups = 0
  const rebinding: OutboundDeps = {
    lookup: async () => [{ address: lookups++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }],
  }
  const sender = client(LOCAL, rebinding)
  const answer = await sender.send(get(`http://hooks.example:${port}/`))
  t.equal(answer.body.toString(), `hooks.example:${port}`, 'the Host stays')
  t.equal(lookups, 1)
  await refused(t, sender.send(get(`http://hooks.example:${port}/`)), /is not on the public internet/)
})

t.test('hosts and networks of OUTBOUND_ALLOW are reached, also without TLS, and others stay refused', async (t) => {
  const port = await serving(t, (_request, response) => response.end('here'))
  for (const allow of ['localhost', ' LocalHost , 10.0.0.0/8', '127.0.0.0/8,::1/128', '127.0.0.1,[::1]']) {
    const answer = await client({ OUTBOUND_ALLOW: allow }).send(get(`http://localhost:${port}/`))
    t.equal(answer.body.toString(), 'here', allow)
  }
  const sender = client({ OUTBOUND_ALLOW: '10.0.0.0/8' })
  await refused(t, sender.send(get(`http://127.0.0.1:${port}/`)), /is not on/)
  await refused(t, sender.send(get('http://8.8.8.8/')), /only asked by https/)
  const lookup = async () => [{ address: '8.8.8.8', family: 4 }]
  await refused(
    t,
    client({ OUTBOUND_ALLOW: '10.0.0.0/8' }, { lookup }).send(get('http://hooks.example/')),
    /only asked by https/,
  )
  t.throws(() => client({ OUTBOUND_ALLOW: 'a b' }), /OUTBOUND_ALLOW has a b, which is no host/)
  t.throws(() => client({ OUTBOUND_ALLOW: '10.0.0.0/33' }), /OUTBOUND_ALLOW has/)
})

t.test('no redirect is followed', async (t) => {
  let asked = 0
  const inside = await serving(t, (_request, response) => {
    asked++
    response.end('secret')
  })
  const port = await serving(t, (_request, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${inside}/` }).end()
  })
  const answer = await client(LOCAL).send(get(`http://127.0.0.1:${port}/`))
  t.equal(answer.status, 307)
  t.equal(asked, 0)
})

t.test('no proxy of the environment is used', async (t) => {
  const port = await serving(t, (_request, response) => response.end('direct'))
  const before = { ...process.env }
  t.teardown(() => (process.env = before))
  Object.assign(process.env, {
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: 'http://127.0.0.1:1',
    http_proxy: 'http://127.0.0.1:1',
  })
  t.equal((await client(LOCAL).send(get(`http://127.0.0.1:${port}/`))).body.toString(), 'direct')
})

t.test('an answer that drips, that never begins, or a server that never answers ends with its time', async (t) => {
  const quick = { ...LOCAL, OUTBOUND_TIMEOUT_MS: '100' }
  const dripping = await serving(t, (_request, response) => {
    const timer = setInterval(() => response.write('.'), 10)
    response.on('close', () => clearInterval(timer))
  })
  await failed(t, client(quick).send(get(`http://127.0.0.1:${dripping}/`)), 'TIMEOUT')
  const silent = await listening(t, createTcpServer((socket) => socket.on('error', () => undefined)).unref())
  await failed(t, client(quick).send(get(`http://127.0.0.1:${silent}/`)), 'TIMEOUT')
  const lookup = () => new Promise<never>(() => undefined)
  await failed(t, client(quick, { lookup }).send(get('http://hooks.example/')), 'TIMEOUT')
})

t.test('an answer is read up to its limit, and one without an end is left there', async (t) => {
  let closed = false
  const port = await serving(t, (request, response) => {
    if (request.url === '/fits') return void response.end('x'.repeat(1000))
    const more = () => {
      while (!closed && response.write('x'.repeat(500)));
    }
    response.on('drain', more).on('close', () => (closed = true))
    more()
  })
  const sender = client({ ...LOCAL, OUTBOUND_ANSWER_MAX_BYTES: '1000' })
  t.equal((await sender.send(get(`http://127.0.0.1:${port}/fits`))).body.length, 1000)
  await failed(t, sender.send(get(`http://127.0.0.1:${port}/`)), 'ANSWER_TOO_LARGE')
})

t.test('a refused, reset or broken connection and a signal end a request with their code', async (t) => {
  const port = await listening(
    t,
    createTcpServer((socket) => socket.on('data', () => socket.resetAndDestroy()).on('error', () => undefined)),
  )
  await failed(t, client(LOCAL).send(get(`http://127.0.0.1:${port}/`)), 'ECONNRESET')
  const cutting = await serving(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half')
    setTimeout(() => response.destroy(), 20)
  })
  await failed(t, client(LOCAL).send(get(`http://127.0.0.1:${cutting}/`)), 'ECONNRESET')
  const gone = createServer()
  const free = await listening(t, gone)
  await new Promise((resolve) => gone.close(resolve))
  await failed(t, client(LOCAL).send(get(`http://127.0.0.1:${free}/`)), 'ECONNREFUSED')
  await t.rejects(
    client(LOCAL).send({ ...get(`http://127.0.0.1:${free}/`), signal: AbortSignal.abort() }),
    OutboundFailed,
  )
})

t.test('TLS is checked for the name, although the connection goes to a pinned address', async (t) => {
  const { key, cert } = certificateFor('hooks.example')
  const servernames: unknown[] = []
  const server = createTlsServer({ key, cert }, (request, response) => {
    servernames.push((request.socket as { servername?: unknown }).servername)
    response.end('sealed')
  })
  const port = await listening(t, server)
  const lookup = async () => [{ address: '127.0.0.1', family: 4 }]
  const sender = client(LOCAL, { lookup, ca: cert })
  t.equal((await sender.send(get(`https://hooks.example:${port}/`))).body.toString(), 'sealed')
  t.same(servernames, ['hooks.example'])
  await failed(t, sender.send(get(`https://other.example:${port}/`)), 'ERR_TLS_CERT_ALTNAME_INVALID')
  await failed(t, client(LOCAL, { lookup }).send(get(`https://hooks.example:${port}/`)), 'DEPTH_ZERO_SELF_SIGNED_CERT')
})

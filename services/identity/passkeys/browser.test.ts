import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { openChromium, withoutChromium } from '#shared/test/chromium.ts'
import { as, identity, type Person, type Signed } from '../test/identity.ts'

const TIMEOUT_MS = 90_000
t.setTimeout(TIMEOUT_MS)

interface Answer<T> {
  status: number
  body: T
}

/**
 * Identity behind a door that vouches for whom the test says is signed in, as the gateway would, and serves an empty page:
 * passkeys are bound to the host name that a browser sees.
 */
async function site(t: Test) {
  const upstream: { port?: number } = {}
  let person: Person | undefined
  const door = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (incoming.url?.startsWith('/api/') !== true) {
      outgoing.setHeader('content-type', 'text/html')
      return void outgoing.end('<!doctype html><title>Najimban</title>')
    }
    const { method, url: path, headers: given } = incoming
    const headers = { ...given, ...as(person) }
    const sent = ask({ ...upstream, host: '127.0.0.1', method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode as number, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(sent)
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    door.closeAllConnections()
    door.close()
  })
  const url = `http://localhost:${(door.address() as AddressInfo).port}`
  const service = await identity(t, { PUBLIC_URL: url })
  await service.app.listen({ port: 0, host: '127.0.0.1' })
  upstream.port = (service.app.server.address() as AddressInfo).port
  const signInAs = (somebody: Person | undefined) => {
    person = somebody
  }
  return { ...service, url, signInAs }
}

/** A page whose browser has an authenticator in it that knows its user. */
async function openPage(t: Test, url: string) {
  const browser = await openChromium(t)
  const page = await (await browser.newContext()).newPage()
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  await page.goto(url)
  const setUserVerified = (isUserVerified: boolean) =>
    devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  return { page, setUserVerified }
}

/** What a page of an application does, with the names of WebAuthn Level 3 only. */
const SCRIPT = `
  const post = async (url, body) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body ?? {}) })
    return { status: answer.status, body: await answer.json() }
  }
  const register = async (password, name) => {
    const options = await post('/api/auth/passkeys/options', { password })
    if (options.status !== 200) return options
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.body)
    const credential = await navigator.credentials.create({ publicKey })
    return post('/api/auth/passkeys', { name, credential: credential.toJSON() })
  }
  const assertion = async () => {
    const options = await post('/api/auth/passkeys/login/options')
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.body)
    return (await navigator.credentials.get({ publicKey })).toJSON()
  }
  const login = async (credential) => post('/api/auth/passkeys/login', { credential })
`
const run = <T>(page: Page, script: string): Promise<Answer<T>> =>
  page.evaluate(`(async () => { ${SCRIPT}; return ${script} })()`)
const nameOfError = (page: Page, script: string): Promise<string> =>
  page.evaluate(`(async () => { ${SCRIPT}; return ${script}.then(() => 'none', (error) => error.name) })()`)

t.test('in a real browser', { skip: withoutChromium }, async (t) => {
  const { url, signInAs, signedUp, call } = await site(t)
  const { page, setUserVerified } = await openPage(t, url)
  const person = await signedUp()
  const password = JSON.stringify(person.password)

  t.test('a person adds a passkey', async (t) => {
    signInAs(person)
    const added = await run<{ name: string }>(page, `await register(${password}, '내 노트북 💻')`)
    t.equal(added.status, 201)
    t.equal(added.body.name, '내 노트북 💻')
    t.equal(
      await nameOfError(page, `register(${password}, 'again')`),
      'InvalidStateError',
      'the browser sees that this authenticator has one already',
    )
    signInAs(undefined)
  })

  t.test('the passkey signs in, and its answer is good once', async (t) => {
    const credential = JSON.stringify(await run(page, 'await assertion()'))
    const signed = await run<Signed>(page, `await login(${credential})`)
    t.equal(signed.status, 200)
    t.equal(signed.body.account.id, person.user)
    t.equal((await run(page, `await login(${credential})`)).status, 401)
    t.equal((await run(page, 'await login(await assertion())')).status, 200)
  })

  t.test('whoever holds the device and cannot unlock it does not get in', async (t) => {
    await setUserVerified(false)
    t.equal(await nameOfError(page, 'assertion()'), 'NotAllowedError')
    await setUserVerified(true)
  })

  t.test('a passkey that was removed signs nobody in', async (t) => {
    const { passkeys } = (await call('GET', '/api/auth/passkeys', { as: person })).json<{
      passkeys: { id: string }[]
    }>()
    t.equal(passkeys.length, 1)
    const removed = await call('DELETE', `/api/auth/passkeys/${passkeys[0]?.id}`, {
      as: person,
      body: { password: person.password },
    })
    t.equal(removed.status, 204)
    t.equal((await run(page, 'await login(await assertion())')).status, 401)
  })
})

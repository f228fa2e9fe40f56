import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import * as openid from 'openid-client'
import type { Test } from 'tap'
import type { Verified } from '#shared/verified.ts'
import { openKeyring } from '#shared/keyring.ts'
import { createRevocations } from '../../revocations/store.ts'
import { as, identity, type Person } from '../../test/identity.ts'
import { createClientStore, type Client } from '../clients/store.ts'
import { createTokenVerifier } from '../opaque.ts'
import { createRecordStore } from '../records.ts'
import { createBrowser, leavesFor, type Browser, type Page, type Send } from './browser.ts'

export const ISSUER = 'http://localhost:5000'
export const CALLBACK = 'https://app.example/callback'
export const ALL_SCOPES = 'openid profile email offline_access calendar:read calendar:write diary:read'

/** How the client library says what the provider refused. */
export const refusal = (error: string) => ({ error }) as unknown as Error

/** Identity on a port of its own, for clients that take it for the one behind PUBLIC_URL, and an administrator. */
export async function oauth(t: Test, env: Record<string, string> = {}) {
  const service = await identity(t, env)
  const { app, db, accounts, config } = service
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo

  /** What the gateway does: takes the request to this service, and vouches for nobody in particular. */
  const send: Send = (url, init) =>
    fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`, {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string>), ...as() },
    })
  const customFetch: openid.CustomFetch = (url, { headers, body, ...init }) =>
    send(new URL(url), { ...(init as RequestInit), headers, ...(body === undefined ? {} : { body: body as string }) })

  const admin = await service.signedUp({ role: 'admin', email: `admin-${randomUUID()}@example.com` })
  const records = createRecordStore(db, openKeyring(config), createRevocations(db, config))
  const clients = createClientStore(db)
  const { verifyToken } = createTokenVerifier({ records, clients, accounts })

  /** Registers an application as its administrator does. */
  async function register(fields: Record<string, unknown> = {}, by: Person = admin) {
    const body = { name: '달력 앱', redirect_uris: [CALLBACK], scope: ALL_SCOPES, ...fields }
    const answer = await service.call('POST', '/api/admin/clients', { as: by, body })
    if (answer.status !== 201) throw new Error(answer.text)
    return answer.json<Client & { client_secret?: string }>()
  }

  /** The client library of an application. */
  async function libraryFor({ id, client_secret }: { id: string; client_secret?: string }) {
    const auth = client_secret === undefined ? openid.None() : openid.ClientSecretBasic(client_secret)
    const configuration = await openid.discovery(new URL(ISSUER), id, undefined, auth, {
      execute: [openid.allowInsecureRequests],
      [openid.customFetch]: customFetch,
    })
    configuration[openid.customFetch] = customFetch
    return configuration
  }

  /** The address to which an application sends a person, and what it must remember. */
  async function authorization(library: openid.Configuration, more: Record<string, string> = {}) {
    const verifier = openid.randomPKCECodeVerifier()
    const state = openid.randomState()
    const url = openid.buildAuthorizationUrl(library, {
      redirect_uri: CALLBACK,
      scope: 'openid profile email',
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      ...more,
    })
    return { url, checks: { pkceCodeVerifier: verifier, expectedState: state } }
  }

  const browser = (language?: string): Browser => createBrowser(ISSUER, send, language)

  const signIn = (browser: Browser, page: Page, { email, password }: Person): Promise<Page> =>
    browser.submit(page, { email, password })

  const allow = (browser: Browser, page: Page): Promise<Page> => browser.submit(page, { decision: 'allow' })

  /** A person signs in, allows, and the application gets its tokens. */
  async function allowed(
    client: Client & { client_secret?: string },
    person: Person,
    more: Record<string, string> = {},
  ) {
    const library = await libraryFor(client)
    const { url, checks } = await authorization(library, more)
    const window = browser()
    const consent = await signIn(window, await window.open(url), person)
    const back = leavesFor(await allow(window, consent))
    const tokens = await openid.authorizationCodeGrant(library, back, checks)
    return { library, tokens, back, checks, window }
  }

  /** What a gateway is told to forget. */
  const revoked = () => db.prepare<[], string>('SELECT subject FROM revocations ORDER BY seq').pluck().all()

  return {
    ...service,
    send,
    admin,
    records,
    clients,
    register,
    libraryFor,
    authorization,
    browser,
    signIn,
    allow,
    allowed,
    revoked,
    verifyToken: (token: string): Promise<Verified | undefined> => verifyToken(token),
  }
}

export type OAuth = Awaited<ReturnType<typeof oauth>>

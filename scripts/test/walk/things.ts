import { createHash } from 'node:crypto'
import { decodeJwt } from 'jose'
import { authenticator } from '../../../services/identity/test/authenticator.ts'
import { createBrowser, leavesFor } from '../../../services/identity/oauth/test/browser.ts'
import { SYSTEM_TENANT } from '#shared/permissions.ts'
import { until } from '#shared/test/until.ts'
import { CHANNEL, PIXEL, RULE, SILENCE } from './requests.ts'
import { ORIGIN, type People } from './people.ts'

/** What is in everything that the owner writes; nobody else may ever read it. */
export const SECRET = '주인의 비밀'

/** Where nobody has anything, or nothing that lasts. */
const NOTHING = 'no-such-interaction'

/** What the owner has. */
export interface Things {
  /** By the part of a path that stands before it. */
  ids: Record<string, string>
  /** A second diary entry, for the paths that name one in their query. */
  entry: string
  tenant: string
  /** Of everybody who walks. */
  password: string
  /** What acts as the owner, as their tenant, or for them. */
  credentials: Record<'key' | 'calendarKey' | 'diaryKey' | 'tenantKey' | 'application' | 'appPassword', string>
}

const CALLBACK = 'https://app.example/callback'
const SCOPE = 'openid offline_access calendar:read'
const VERIFIER = 'v'.repeat(64)
const challenge = createHash('sha256').update(VERIFIER).digest('base64url')

/** The owner allows an application what it asks for, in a browser. @returns its access token */
async function allow({ gateway, owner, password }: People, client: string, secret: string): Promise<string> {
  const browser = createBrowser(ORIGIN, (url, init) =>
    fetch(gateway + url.pathname + url.search, { ...init, redirect: 'manual' }),
  )
  const query = new URLSearchParams({
    client_id: client,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: SCOPE,
    prompt: 'consent',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'state',
  })
  const page = await browser.open(`/oauth/auth?${query}`)
  const consent = await browser.submit(page, { email: owner.email, password })
  const code = leavesFor(await browser.submit(consent, { decision: 'allow' })).searchParams.get('code') as string
  const answer = await fetch(`${gateway}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client,
      client_secret: secret,
      redirect_uri: CALLBACK,
      code,
      code_verifier: VERIFIER,
    }),
  })
  return ((await answer.json()) as { access_token: string }).access_token
}

/** An API key of the owner, or of their tenant. */
const newKey = ({ owner }: People, of: 'auth' | 'admin', fields: object) =>
  owner.make<{ id: string; key: string }>(`/api/${of}/keys`, { name: 'key', ...fields })

async function passkeyOf({ owner, password }: People): Promise<string> {
  const { challenge } = await owner.make<{ challenge: string }>('/api/auth/passkeys/options', { password })
  const credential = authenticator().create({ challenge })
  return (await owner.make<{ id: string }>('/api/auth/passkeys', { name: SECRET, credential })).id
}

const ALERTS = '/api/collector/alerts'

/** A rule with an alert, a maintenance window, and a channel with a notification that is never sent. */
async function makeAlerts({ owner }: People) {
  const [rules, channels] = ['rule-of-the-owner', 'channel-of-the-owner']
  await owner.make(`${ALERTS}/rules/${rules}`, { ...RULE, labels: { note: SECRET } }, 'PUT')
  await owner.make(`${ALERTS}/channels/${channels}`, CHANNEL, 'PUT')
  const { id: silences } = await owner.make<{ id: string }>(`${ALERTS}/silences`, { ...SILENCE, reason: SECRET })
  const { id: notifications } = await owner.make<{ id: string }>(`${ALERTS}/channels/${channels}/test`)
  await until('a notification that failed', async () => {
    const { state } = await owner.get<{ state: string }>(`${ALERTS}/notifications/${notifications}`)
    return state === 'failed' || state === 'dead'
  })
  const { id: alerts } = await until('an alert', async () => {
    const found = await owner.get<{ alerts: { id: string }[] }>(`${ALERTS}?state=firing`)
    return found.alerts[0]
  })
  return { rules, channels, silences, notifications, alerts }
}

/** One of everything, made as a client would make it. */
export async function makeThings(people: People): Promise<Things> {
  const { owner, password } = people
  const { id: tags } = await owner.make<{ id: string }>('/api/tags', { name: SECRET, color: '#102030' })
  const { data } = await owner.make<{ data: { id: string } }>('/api/events', {
    title: SECRET,
    start_time: '2026-11-20T10:00',
    end_time: '2026-11-20T11:00',
  })
  await owner.make(`/api/events/${data.id}/tags`, { tagIds: [tags] })
  const { id: todos } = await owner.make<{ id: string }>('/api/todos', { title: SECRET, date: '2026-11-20' })
  const image = `data:image/gif;base64,${PIXEL}`
  const diary = { date: '2026-11-20', content: SECRET, tags: [SECRET], images: [image] }
  const { id: diaries, images } = await owner.make<{ id: string; images: string[] }>('/api/diaries', diary)
  const { id: entry } = await owner.make<{ id: string }>('/api/diaries', { ...diary, date: '2026-11-19', images: [] })
  const { id: reports } = await owner.make<{ id: string }>('/ingest/qc', { status: { api: 'pass' }, notes: [SECRET] })
  const { id: sign } = await owner.make<{ id: string }>(`/reports/${reports}/sign`)
  const evaluations = [{ rule_id: SECRET, target: 'api', verdict: 'warn', severity: 'warn', message: SECRET }]
  const policy = { policy_version: '1', evaluations }
  const { id: diff } = await owner.make<{ id: string }>('/ingest/qc', { status: { api: 'warn' }, policy })
  await owner.make('/schemas/of-the-owner', { type: 'object', title: SECRET }, 'PUT')
  const { findings } = await owner.get<{ findings: { fingerprint: string }[] }>('/findings')
  await owner.make('/api/admin/tenants', { id: 'spare', name: SECRET })
  // The collector has settings of its own for it.
  await owner.make('/admin/tenants', { id: 'spare', title: SECRET })
  const alerts = await makeAlerts(people)
  const { id: clients, client_secret } = await owner.make<{ id: string; client_secret: string }>('/api/admin/clients', {
    name: SECRET,
    redirect_uris: [CALLBACK],
    scope: SCOPE,
    token_endpoint_auth_method: 'client_secret_post',
  })
  const application = await allow(people, clients, client_secret)
  const { id: key } = await newKey(people, 'auth', { name: SECRET })
  const { id: tenantKey } = await newKey(people, 'admin', { name: SECRET })
  const { id: appPassword, password: forCalendars } = await owner.make<{ id: string; password: string }>(
    '/api/auth/app-passwords',
    { name: SECRET },
  )
  const { grants } = await owner.get<{ grants: { id: string }[] }>('/api/auth/grants')
  return {
    ids: {
      events: data.id,
      tags,
      todos,
      diaries,
      images: (images[0] as string).split('/').at(-1) as string,
      reports,
      diff,
      sign,
      findings: findings[0]?.fingerprint as string,
      schemas: 'of-the-owner',
      ...alerts,
      sessions: decodeJwt(people.elsewhere.token).sid as string,
      passkeys: await passkeyOf(people),
      grants: grants[0]?.id as string,
      clients,
      accounts: people.operator.id,
      tenants: 'spare',
      roles: SYSTEM_TENANT,
      'auth/keys': key,
      'admin/keys': tenantKey,
      'app-passwords': appPassword,
      'bundle-keys': NOTHING,
      'oauth/auth': NOTHING,
      'oauth/device': NOTHING,
      'oauth/interaction': NOTHING,
    },
    entry,
    tenant: SYSTEM_TENANT,
    password,
    credentials: {
      key: (await newKey(people, 'auth', { role: 'admin' })).key,
      calendarKey: (await newKey(people, 'auth', { role: 'admin', scope: 'calendar:read' })).key,
      diaryKey: (await newKey(people, 'auth', { role: 'admin', scope: 'diary:read' })).key,
      tenantKey: (await newKey(people, 'admin', { role: 'admin' })).key,
      application,
      appPassword: forCalendars,
    },
  }
}

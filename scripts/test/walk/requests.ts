import type { Things } from './things.ts'

/** The smallest image there is. */
export const PIXEL = 'R0lGODlhAQABAAAAACwAAAAAAQABAAA='

interface Special {
  /** What a route needs in its body to be more than a mistake. */
  body?: (things: Things, who: string) => object
  query?: (things: Things) => string
  /** What its owner is answered, where that is not a success. */
  answers?: number[]
  /** What somebody of another tenant is answered, where no path says that it is not theirs. */
  others?: number
  /** Whether it takes away what other routes need. */
  last?: boolean
}

const event = { title: '산책', start_time: '2026-11-21T10:00', end_time: '2026-11-21T11:00' }
const password = { body: (things: Things) => ({ password: things.password }) }
const name = { body: () => ({ name: '새 이름' }) }
const tagIds = { body: ({ ids }: Things) => ({ tagIds: [ids.tags] }) }
const secondEntry = ({ entry }: Things) => `?id=${entry}`

/** A rule of alerts that always holds; nobody is told of it. */
export const RULE = { kind: 'no_report', level: 'info', hours: 0.000001 }
/** Where nothing is ever sent to. */
export const CHANNEL = { kind: 'webhook', url: 'https://localhost/', secret: `whsec_${'A'.repeat(32)}` }
export const SILENCE = { endsAt: '2099-01-01T00:00:00Z', rule: 'no-such-rule', reason: '점검' }

/** The routes for which `{}` is no sensible body, or whose owner may not do that just now. Every other one is walked by itself. */
export const REQUESTS: Record<string, Special> = {
  'POST /api/calendar/events': { body: () => event },
  'POST /api/calendar/events/:eventId/tags': tagIds,
  'POST /api/calendar/tags/events/:eventId/tags': tagIds,
  // The same tag of the same event by another path.
  'DELETE /api/calendar/tags/events/:eventId/tags/:tagId': { answers: [204] },
  'DELETE /api/calendar/events/:eventId/tags/:tagId': { answers: [404] },
  'POST /api/calendar/tags': { body: (_things, who) => ({ name: `새 태그 ${who}`, color: '#102030' }) },
  'POST /api/calendar/todos': { body: () => ({ title: '우유', date: '2026-11-21' }) },
  'GET /api/diaries/search': { query: () => '?q=%EC%A3%BC%EC%9D%B8' },
  'POST /api/diaries': { body: () => ({ date: '2020-02-02', content: '눈' }) },
  'PUT /api/diaries': { query: secondEntry },
  'PATCH /api/diaries': { query: secondEntry },
  'DELETE /api/diaries': { query: secondEntry },
  'POST /api/diaries/:id/images': {
    body: () => {
      const form = new FormData()
      form.set('image', new Blob([Buffer.from(PIXEL, 'base64')], { type: 'image/gif' }), 'a.gif')
      return form
    },
  },
  'POST /ingest/qc': { body: () => ({ status: { api: 'pass' } }) },
  'POST /ingest/qc/batch': { body: () => [{ status: { api: 'pass' } }], answers: [200] },
  // Others would make a schema of their own, of the same name.
  'PUT /schemas/:name': { body: (_things, who) => ({ type: who === 'owner' ? 'object' : 'nonsense' }), others: 400 },
  // It would never end.
  'GET /reports/stream': { query: () => '?last_event_id=x', answers: [400], others: 400 },
  'PUT /reports/:id/hold': { body: () => ({ reason: '소송' }) },
  'PUT /admin/retention': { body: () => ({ retainDays: 100 }) },
  'POST /admin/retention/run': { body: () => ({ dry_run: true }) },
  'POST /admin/retention/restore': { answers: [415] },
  'PUT /findings/:fingerprint/mute': { body: () => ({ reason: '알고 있음', until: '2099-01-01T00:00:00Z' }) },

  // Others would make rules and channels of their own, of the same names.
  'PUT /alerts/rules/:name': { body: (_things, who) => (who === 'owner' ? RULE : {}), others: 400 },
  'PUT /alerts/channels/:name': { body: (_things, who) => (who === 'owner' ? CHANNEL : {}), others: 400 },
  'POST /alerts/silences': { body: () => SILENCE },
  'PUT /alerts/silences/:id': { body: () => SILENCE },

  'POST /admin/tenants': { body: (_things, who) => ({ id: `of-${who}` }) },
  'PATCH /admin/tenants/:id': { body: () => ({ quotas: { reportsPerDay: 1000 } }) },

  'PUT /api/auth/me/email': {
    body: (things, who) => ({ email: `${who}-new@example.com`, password: things.password }),
  },
  'PUT /api/auth/password': {
    body: (things) => ({ current_password: things.password, password: things.password }),
    last: true,
  },
  'POST /api/auth/totp': password,
  'POST /api/auth/totp/confirm': { body: () => ({ code: '000000' }), answers: [400] },
  'DELETE /api/auth/totp': password,
  'POST /api/auth/recovery-codes': { ...password, answers: [409] },
  'POST /api/auth/passkeys/options': password,
  'POST /api/auth/passkeys': { answers: [400] },
  'PATCH /api/auth/passkeys/:id': name,
  'DELETE /api/auth/passkeys/:id': password,
  // With the right one nobody would walk any further.
  'DELETE /api/auth/me': { body: () => ({ password: 'not this one' }), answers: [403] },

  'POST /api/admin/accounts': {
    body: ({ tenant }, who) => ({ email: `of-${who}@example.com`, name: '손님', tenant }),
    others: 404,
  },
  'POST /api/admin/accounts/:id/approve': { answers: [409] },
  'POST /api/admin/accounts/:id/reject': { answers: [409] },
  'PUT /api/admin/accounts/:id/roles': { body: ({ tenant }) => ({ tenant, role: 'viewer' }) },
  'POST /api/admin/tenants': { body: (_things, who) => ({ id: `of-${who}`, name: '새 조직' }), others: 403 },
  'DELETE /api/admin/tenants/:id': { others: 403 },
  'POST /api/auth/keys': name,
  'PATCH /api/auth/keys/:id': name,
  'POST /api/admin/keys': name,
  'PATCH /api/admin/keys/:id': name,
  'POST /api/auth/app-passwords': name,
  'POST /api/admin/clients': {
    body: () => ({ name: '앱', redirect_uris: ['https://app.example/callback'], scope: 'openid' }),
  },
  'PATCH /api/admin/clients/:id': name,
}

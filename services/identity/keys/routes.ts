import type { FastifyReply, FastifyRequest } from 'fastify'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import type { Role } from '#shared/permissions.ts'
import { Problem } from '#shared/problem.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Answer, Writes } from '#shared/writes.ts'
import type { Revocations } from '../revocations/store.ts'
import { grantedScope } from './grant.ts'
import * as schema from './schema.ts'
import type { ById, KeyInput, KeyLimits, ListQuery, RotateInput } from './schema.ts'
import type { KeySecrets } from './secret.ts'
import { NEWEST, type KeysOf, type KeyStore, type KeyView } from './store.ts'

export interface KeyParts {
  keys: KeyStore
  secrets: KeySecrets
  writes: Writes
  revocations: Pick<Revocations, 'revoke'>
  config: KeyLimits
}

/** Whose keys a set of routes is about. */
export interface KeyHolding<Holder extends Owner | Tenant> {
  keys: KeysOf<Holder>
  holderOf: (request: FastifyRequest) => Holder
  /** The account that new keys act as; null for none. */
  accountOf: (holder: Holder) => Owner | null
  /** The greatest role that a key may get from this caller in a tenant, as it is now; undefined for none. */
  roleIn: (request: FastifyRequest, tenant: Tenant) => Role | undefined
  /** Most keys of one holder, and the setting that says so. */
  most: number
  setting: string
}

const MS_PER_S = 1000
const keyNotFound = () => new Problem('not-found', { detail: 'Key not found' })

/** Without another wish the new key is good for as long as the old one was. */
function expiryOf(old: KeyView, { expires_at }: RotateInput, now: number): string | null {
  if (expires_at !== undefined || old.expires_at === null) return expires_at ?? null
  return new Date(now + Date.parse(old.expires_at) - Date.parse(old.created_at)).toISOString()
}

/** The old key ends after the overlap, or before, when its time is over. */
function endOf(old: KeyView, { overlap_s }: RotateInput, now: number): string {
  const ends = new Date(now + overlap_s * MS_PER_S).toISOString()
  return old.expires_at !== null && old.expires_at < ends ? old.expires_at : ends
}

/** API keys of one kind of holder. The key itself is in the answer that makes it and nowhere else. */
export const keyRoutes =
  <Holder extends Owner | Tenant>(
    { keys: store, secrets, writes, revocations, config }: KeyParts,
    { keys, holderOf, accountOf, roleIn, most, setting }: KeyHolding<Holder>,
  ) =>
  async (routes: App): Promise<void> => {
    const tags = ['keys']
    const tokens = { config: { etag: false } }

    function requireKey(request: FastifyRequest<ById>, holder: Holder): KeyView {
      const key = keys.find(holder, request.params.id)
      if (key === undefined) throw keyNotFound()
      const field = request.headers['if-match']
      if (field !== undefined) requireMatch(field, etagOf(JSON.stringify(key)))
      return key
    }

    /** A new key, if the caller may give that much; inside a write. */
    function make(request: FastifyRequest, holder: Holder, tenant: Tenant, input: KeyInput) {
      const scope = grantedScope(request.caller, roleIn(request, tenant), input)
      const { id, key, hash } = secrets.make()
      return { ...store.insert(tenant, accountOf(holder), { ...input, scope, id, hash }), key }
    }

    function note(request: FastifyRequest, event: string, { id, role, scope }: KeyView): void {
      request.auditEvent = { event: `key.${event}`, target: `key:${id}`, detail: { role, scope } }
    }

    const answerKey = (request: FastifyRequest, reply: FastifyReply, holder: Holder, write: () => Answer) =>
      writes.answer(request, reply.header('cache-control', 'no-store'), holder, write, { sensitive: true })

    routes.get<{ Querystring: ListQuery }>(
      '/',
      {
        schema: {
          tags,
          summary: 'Keys, the newest first, without their secrets',
          querystring: schema.list(config),
          response: { 200: schema.keys },
        },
      },
      async (request) => {
        const { limit, cursor } = request.query
        const after = cursor === undefined ? NEWEST : (decodeCursor(cursor, ['string', 'string']) as [string, string])
        const page = await keys.list(holderOf(request), after, limit + 1)
        const shown = page.slice(0, limit)
        if (page.length <= limit) return { keys: shown }
        const { created_at, id } = shown.at(-1) as KeyView
        return { keys: shown, next_cursor: encodeCursor([created_at, id]) }
      },
    )

    routes.get<ById>(
      '/:id',
      { schema: { tags, summary: 'One key', response: { 200: schema.key } } },
      async (request) => {
        const key = await keys.find(holderOf(request), request.params.id)
        if (key === undefined) throw keyNotFound()
        return key
      },
    )

    routes.post<{ Body: KeyInput }>(
      '/',
      {
        ...tokens,
        schema: {
          tags,
          summary: 'A new key, shown this once',
          body: schema.create,
          response: { 201: schema.newKey },
        },
      },
      (request, reply) => {
        const holder = holderOf(request)
        return answerKey(request, reply, holder, () => {
          if (keys.count(holder) >= most) {
            throw new Problem('conflict', { detail: `There are ${most} keys already (${setting}); delete one first` })
          }
          const body = make(request, holder, request.caller.tenant, request.body)
          note(request, 'created', body)
          return { status: 201, body }
        })
      },
    )

    routes.patch<ById & { Body: Pick<KeyInput, 'name'> }>(
      '/:id',
      { schema: { tags, summary: 'Renames a key', body: schema.rename, response: { 200: schema.key } } },
      (request, reply) => {
        const holder = holderOf(request)
        return writes.answer(request, reply, holder, () => {
          const { id } = requireKey(request, holder)
          const renamed = keys.rename(holder, id, request.body.name)
          note(request, 'renamed', renamed)
          return { status: 200, body: renamed }
        })
      },
    )

    routes.post<ById & { Body: RotateInput }>(
      '/:id/rotate',
      {
        ...tokens,
        schema: {
          tags,
          summary: 'A new key in place of one that stays good for a while',
          body: schema.rotate(config),
          response: { 201: schema.newKey },
        },
      },
      (request, reply) => {
        const holder = holderOf(request)
        return answerKey(request, reply, holder, () => {
          const old = requireKey(request, holder)
          if (old.rotated_to !== null) {
            throw new Problem('conflict', { detail: `Key ${old.rotated_to} has taken the place of this one already` })
          }
          const now = Date.now()
          const body = make(request, holder, old.tenant, { ...old, expires_at: expiryOf(old, request.body, now) })
          // At most one old key is good beside the new one.
          const ended = request.body.overlap_s === 0 ? keys.remove(holder, old.id) : keys.removeReplaced(holder, old.id)
          keys.replace(holder, old.id, body.id, endOf(old, request.body, now))
          // Gateways that remember the old one must learn when it ends now.
          for (const id of new Set([...ended, old.id])) revocations.revoke(`key:${id}`)
          note(request, 'rotated', old)
          return { status: 201, body }
        })
      },
    )

    routes.delete<ById>(
      '/:id',
      { schema: { tags, summary: 'Revokes a key, and the one whose place it took if that is still good' } },
      (request, reply) => {
        const holder = holderOf(request)
        return writes.answer(request, reply, holder, () => {
          const key = requireKey(request, holder)
          for (const id of keys.remove(holder, key.id)) revocations.revoke(`key:${id}`)
          note(request, 'revoked', key)
          return { status: 204 }
        })
      },
    )
  }

import { hash } from 'node:crypto'
import type { RequestListener, ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTHeaderParameters } from 'jose'
import { ACCESS_TOKEN } from '#shared/access-token.ts'
import { ASSERTION_HEADER, verifyAssertion } from '#shared/assertion.ts'
import type { AuditRow } from '#shared/audit/row.ts'
import type { Credential, Verified, VerifyRequest } from '#shared/verified.ts'

export const ISSUER = 'http://localhost:5000'
const KEPT_MS = 3_600_000
const MS_PER_S = 1000

interface Pair {
  kid: string
  key: CryptoKey
  jwk: JWK
}

/** Claims and header of a token that differ from those of a good one. */
export interface Forged {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  key?: CryptoKey
}

export async function newPair(kid: string): Promise<Pair> {
  const { publicKey, privateKey } = await generateKeyPair(ACCESS_TOKEN.alg, { extractable: true })
  return { kid, key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: ACCESS_TOKEN.alg, use: 'sig' } }
}

async function bodyOf<T>(request: AsyncIterable<Buffer>): Promise<T> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString()) as T
}

export type PlayedIdentity = Awaited<ReturnType<typeof playIdentity>>

/** What a gateway asks of identity, answered as identity does, by a process that a test has in its hands. */
export async function playIdentity(secret: string) {
  const pairs = [await newPair('k1')]
  const known = new Map<string, Verified>()
  const asked: VerifyRequest[] = []
  const rows: AuditRow[] = []
  const waiting = new Set<() => void>()
  const revocations: { seq: number; subject: string; revoked: number; expires: number }[] = []
  const state = {
    epoch: 'first',
    seq: 0,
    /** Answers nothing of what gateways ask. */
    away: false,
    /** How often the key set was fetched. */
    fetched: 0,
    /** Number of the last revocation that a gateway says it knows. */
    heard: 0,
    /** Holds answers about credentials until it is settled. */
    hold: undefined as Promise<void> | undefined,
  }
  const jwks = () => ({ keys: pairs.map(({ jwk }) => jwk) })
  const jwksHash = () => hash('sha256', JSON.stringify(jwks()), 'base64url')
  const wake = () => {
    for (const go of [...waiting]) go()
  }

  function answerFeed(url: string, response: ServerResponse): void {
    const query = new URL(url, ISSUER).searchParams
    const isKnown = query.has('after') && query.get('epoch') === state.epoch
    const after = isKnown ? Number(query.get('after')) : 0
    state.heard = after
    const answer = () => {
      waiting.delete(answer)
      const news = revocations.filter(({ seq }) => seq > after).map(({ seq: _seq, ...revocation }) => revocation)
      response.end(JSON.stringify({ epoch: state.epoch, seq: state.seq, revocations: news, jwks: jwksHash() }))
    }
    if (isKnown && state.seq === after && query.get('jwks') === jwksHash()) {
      waiting.add(answer)
      response.on('close', () => waiting.delete(answer))
    } else answer()
  }

  async function takeRows(request: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
    rows.push(...(await bodyOf<{ rows: AuditRow[] }>(request)).rows)
    response.writeHead(204).end()
  }

  async function answerVerify(request: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
    const question = await bodyOf<VerifyRequest>(request)
    asked.push(question)
    const { ip: _ip, ...credential } = question
    const found = known.get(JSON.stringify(credential))
    const isOver = revocations.some(({ subject }) => found?.subjects?.includes(subject))
    const answer = found === undefined || isOver ? { active: false } : { active: true, ...found }
    await state.hold
    response.end(JSON.stringify(answer))
  }

  const listener: RequestListener = (request, response) => {
    const { url = '', headers } = request
    response.setHeader('content-type', 'application/json')
    const isOwn = url.startsWith('/internal/') || url === '/.well-known/jwks.json'
    if (!isOwn) return void request.resume().on('end', () => response.end('{"from":"origin"}'))
    const now = Math.floor(Date.now() / MS_PER_S)
    const claims = verifyAssertion(secret, String(headers[ASSERTION_HEADER]), 'identity', now)
    if (claims?.cred !== 'process:gateway' || claims.roles[0] !== 'service')
      return void response.writeHead(401).end('{}')
    if (state.away) return void response.writeHead(500).end('{}')
    if (url === '/internal/verify') return void answerVerify(request as AsyncIterable<Buffer>, response)
    if (url === '/internal/audit') return void takeRows(request as AsyncIterable<Buffer>, response)
    if (url.startsWith('/internal/revocations')) return answerFeed(url, response)
    state.fetched++
    response.end(JSON.stringify(jwks()))
  }

  return {
    listener,
    state,
    pairs,
    asked,
    /** What the gateway has put into the audit log. */
    rows,
    wake,
    /** Takes a credential for this from now on. */
    knows: (credential: Credential, verified: Verified) => known.set(JSON.stringify(credential), verified),
    revoke(subject: string, revoked = Date.now()): void {
      state.seq++
      revocations.push({ seq: state.seq, subject, revoked, expires: Date.now() + KEPT_MS })
      wake()
    },
    /** Another run of identity, or another database. */
    restart(epoch: string): void {
      state.epoch = epoch
      state.seq = 0
      revocations.length = 0
      wake()
    },
    /** An access token of a session, good unless something in it is forged. */
    token({ claims = {}, header = {}, key }: Forged = {}): Promise<string> {
      const iat = Date.now() / MS_PER_S
      const { kid, key: own } = pairs.at(-1) as Pair
      const all: Record<string, unknown> = {
        iss: ISSUER,
        aud: ACCESS_TOKEN.audience,
        sub: 'alice',
        jti: 'j1',
        sid: 's1',
        tenant: 'default',
        role: 'operator',
        scope: 'calendar:read calendar:write',
        amr: ['pwd'],
        iat,
        nbf: Math.floor(iat),
        exp: Math.floor(iat) + 600,
        ...claims,
      }
      const head = { alg: ACCESS_TOKEN.alg, typ: ACCESS_TOKEN.typ, kid, ...header } as JWTHeaderParameters
      return new SignJWT(all).setProtectedHeader(head).sign(key ?? own)
    },
  }
}

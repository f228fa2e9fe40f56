/** What a request was about, in the words of the audit log. Never secrets, never bodies. */
export interface AuditEvent {
  /** A noun and what happened to it: `login.succeeded`, `key.revoked`. */
  event: string
  /** Who did it, when the request's own caller does not say (a login): `account:<id>`. */
  actor?: string
  /** What it was done to: `account:<id>`, `key:<id>`. */
  target?: string
  /** Whose log it belongs to, when the caller has not said yet: of a login that of the session. */
  tenant?: string
  detail?: Record<string, string | number | boolean | null>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by a handler that knows more than method, route and status. */
    auditEvent?: AuditEvent
  }
}

import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { ProblemName } from './problem.ts'
import type { App } from './server.ts'

type Listener = (request: FastifyRequest, reply: FastifyReply) => void

declare module 'fastify' {
  interface FastifyRequest {
    /** Whoever waits for the end of this request has been told of it. */
    isAnswered: boolean
  }
}

/** A request that was refused because nobody could read it: there is no method, no path and no id. */
export interface Unread {
  problem: ProblemName
  /** Address of the client, '' when it is not known any more. */
  ip: string
}

const LISTENERS = Symbol('listeners of answers')
const UNREAD = Symbol('listeners of requests that could not be read')

/** Calls all of them. The request is over and nobody waits: what one throws must reach neither the others nor the process. */
function callAll<A extends unknown[]>(
  log: FastifyBaseLogger,
  listeners: readonly ((...of: A) => void)[],
  ...of: A
): void {
  for (const listener of listeners) {
    try {
      listener(...of)
    } catch (error) {
      log.error({ err: error }, 'a listener of answers failed')
    }
  }
}

function tell(request: FastifyRequest, reply: FastifyReply): void {
  if (request.isAnswered) return
  request.isAnswered = true
  const { server } = request
  callAll(server.log, server.getDecorator<Listener[]>(LISTENERS), request, reply)
}

/**
 * To be called when a request has done what it does and its answer is under way. Fastify's onResponse comes only when the whole
 * answer has been handed over: without this, who leaves before that leaves no trace of what they did.
 */
export function endWith(request: FastifyRequest, reply: FastifyReply): void {
  if (reply.raw.destroyed) return tell(request, reply)
  reply.raw.once('close', () => tell(request, reply))
}

/** Watches how requests end; first of all hooks, because hooks hold for what is registered after them. */
export function watchAnswers(app: App): void {
  app.decorate(LISTENERS, [])
  app.decorate(UNREAD, [])
  app.decorateRequest('isAnswered', false)
  app.addHook('onResponse', (request, reply, done) => {
    tell(request, reply)
    done()
  })
  // A hijacked answer has no onSend: who hijacks calls endWith.
  app.addHook('onSend', (request, reply, payload, done) => {
    endWith(request, reply)
    done(null, payload)
  })
}

/** Calls `listener` once for every request: when it is answered, or has done what it does for a client that has left. */
export const onAnswered = (app: App, listener: Listener): void =>
  void app.getDecorator<Listener[]>(LISTENERS).push(listener)

/** Calls `listener` for every request that was refused because nobody could read it. */
export const onUnread = (app: App, listener: (unread: Unread) => void): void =>
  void app.getDecorator<((unread: Unread) => void)[]>(UNREAD).push(listener)

/** To be called by whoever refuses such a request. */
export function tellUnread(app: App, unread: Unread): void {
  callAll(app.log, app.getDecorator<((unread: Unread) => void)[]>(UNREAD), unread)
}

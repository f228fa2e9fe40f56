import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from './server.ts'

type Listener = (request: FastifyRequest, reply: FastifyReply) => void

declare module 'fastify' {
  interface FastifyRequest {
    /** Whoever waits for the end of this request has been told of it. */
    isAnswered: boolean
  }
}

const LISTENERS = Symbol('listeners of answers')

function tell(request: FastifyRequest, reply: FastifyReply): void {
  if (request.isAnswered) return
  request.isAnswered = true
  for (const listener of request.server.getDecorator<Listener[]>(LISTENERS)) listener(request, reply)
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

import type { FastifyReply } from 'fastify'

/** Aborted when the client leaves before its answer is sent: nothing is to be read for it any more. */
export function goneSignal({ raw }: Pick<FastifyReply, 'raw'>): AbortSignal {
  const controller = new AbortController()
  const leave = () => {
    if (!raw.writableFinished) controller.abort(new Error('the client has left'))
  }
  if (raw.closed) leave()
  else raw.once('close', leave)
  return controller.signal
}

import type { IncomingMessage } from 'node:http'

// A client that has stopped sending is waiting for the end of its answer.
const SILENCE = 1_000

/**
 * Reads and drops the rest of a body that nobody wants any more, so that a client which sends all before it reads still gets
 * its answer instead of a reset (RFC 9112 9.6). `then` is called once: true when the body ended, false when the limits did.
 */
export function discardBody(
  request: IncomingMessage,
  limits: { lingerBytes: number; lingerTime: number },
  then: (ended: boolean) => void,
): void {
  if (request.complete || request.destroyed) {
    request.resume()
    return then(request.complete)
  }
  let left = limits.lingerBytes
  const finish = (ended: boolean): void => {
    clearTimeout(whole)
    clearTimeout(silence)
    request.off('data', onData).off('end', onEnd).off('close', onClose)
    then(ended)
  }
  const onData = (chunk: Buffer): void => {
    left -= chunk.length
    silence.refresh()
    if (left < 0) finish(false)
  }
  const onEnd = (): void => finish(true)
  const onClose = (): void => finish(false)
  const whole = setTimeout(onClose, limits.lingerTime)
  const silence = setTimeout(onClose, Math.min(SILENCE, limits.lingerTime))
  request.on('data', onData).on('end', onEnd).on('close', onClose)
  request.resume()
}

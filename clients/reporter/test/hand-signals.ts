import type { Signals } from '../signals.ts'

/** Signals that the test gives by hand. */
export function handSignals() {
  let handlers: Parameters<Signals>[0] | undefined
  let isStopped = false
  const signals: Signals = (given) => {
    handlers = given
    return () => {
      isStopped = true
    }
  }
  return {
    signals,
    online: () => handlers?.onOnline(),
    hide: () => handlers?.onHide(),
    isStopped: () => isStopped,
  }
}

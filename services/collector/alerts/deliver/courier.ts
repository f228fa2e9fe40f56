import type { Logger } from '#shared/logger.ts'
import type { CollectorConfig } from '../../config.ts'
import type { Stores } from '../../engine/engine.ts'
import type { Writer } from '../../writer/queue.ts'
import type { AlertMetrics } from '../metrics.ts'
import type { Claimed } from '../rows.ts'
import type { Send } from './send.ts'

interface CourierParts {
  store: Pick<Stores['alerts'], 'isDue'>
  writer: Pick<Writer, 'run'>
  send: Send
  config: Pick<CollectorConfig, 'ALERT_SENDS_MAX' | 'ALERT_INTERVAL_S'>
  metrics: AlertMetrics
  logger: Logger
}

/** Between two looks into the outbox, at most. */
const LOOK_MS = 1000
/** What is under way at a stop may finish; it is sent again else. */
const STOP_MS = 3000

/**
 * Sends what is due: several channels at a time, of each one notification, so that one that hangs holds up nobody else. What is
 * taken out is put off in the same write, and comes again when this process dies.
 */
export function createCourier({ store, writer, send, config, metrics, logger }: CourierParts) {
  const aborted = new AbortController()
  const busy = new Map<string, Promise<void>>()
  let [stopping, looking, again, isLost] = [false, false, false, false]
  let running: Promise<void> = Promise.resolve()

  async function deliver(claimed: Claimed): Promise<void> {
    const { tenantId, notification, channel } = claimed
    const { kind } = channel.channel
    const outcome = await send(claimed, aborted.signal)
    // Cut off by a stop: nobody knows whether it arrived.
    if (aborted.signal.aborted && outcome.result !== 'sent') return
    metrics.notifications.inc({ kind, result: outcome.result })
    if (outcome.result !== 'sent') {
      const { reason = outcome.error } = outcome
      const fields = { tenant: tenantId, channel: channel.name, notification: notification.id, reason }
      logger.warn({ ...fields, kind, attempts: notification.attempts }, 'a notification was not taken')
    }
    await writer.run('settleAlertNotification', tenantId, notification.id, outcome, Date.now())
  }

  function start(claimed: Claimed): void {
    const place = `${claimed.tenantId} ${claimed.channel.name}`
    const done = deliver(claimed)
      .catch((error: unknown) => logger.error({ err: error }, 'what became of a notification was not noted'))
      .finally(() => {
        busy.delete(place)
        look()
      })
    busy.set(place, done)
  }

  async function claim(): Promise<void> {
    const free = config.ALERT_SENDS_MAX - busy.size
    const now = Date.now()
    if (free <= 0 || !(await store.isDue(now))) return
    for (const one of await writer.run('claimAlertNotifications', now, free, [...busy.keys()])) start(one)
  }

  /** Sends what is due by now. */
  function look(): void {
    if (stopping) return
    if (looking) return void (again = true)
    looking = true
    running = claim()
      .then(() => void (isLost = false))
      // The database does not answer: everything waits for it, and the first look that finds it so says it.
      .catch((error: unknown) => {
        if (!isLost) logger.warn({ reason: (error as Error).message }, 'the outbox could not be read')
        isLost = true
      })
      .finally(() => {
        looking = false
        if (!again) return
        again = false
        look()
      })
  }

  const timer = setInterval(look, Math.min(LOOK_MS, config.ALERT_INTERVAL_S * 1000)).unref()
  return {
    look,
    /** Lets what is under way finish for a moment; the rest is sent after the next start. */
    async stop(): Promise<void> {
      stopping = true
      clearInterval(timer)
      const cut = setTimeout(() => aborted.abort(), STOP_MS)
      await running
      await Promise.all(busy.values())
      clearTimeout(cut)
    },
  }
}

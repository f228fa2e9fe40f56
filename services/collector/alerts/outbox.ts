import { randomInt } from 'node:crypto'
import type { Notification, SendOutcome } from './notification.ts'
import type { StoredChannel } from './rows.ts'
import type { AlertsConfig } from './settings.ts'

type OutboxConfig = Pick<
  AlertsConfig,
  'ALERT_RETRY_MS' | 'ALERT_RETRY_MAX_MS' | 'ALERT_CIRCUIT_FAILURES' | 'OUTBOUND_TIMEOUT_MS'
>

/** Of a server that asks for more patience than this: it is asked again after it. */
const RETRY_AFTER_MAX_MS = 3_600_000
const ERROR_MAX_LENGTH = 300
/** A mail has more to say to its server than one request. */
const MAIL_TIMEOUTS = 4
const HOLD_TIMEOUTS = 6

/** Time for one mail. */
export const mailTimeoutMs = ({ OUTBOUND_TIMEOUT_MS: ms }: OutboxConfig): number => ms * MAIL_TIMEOUTS

/** How long nobody else takes what somebody is sending: longer than that can take. When the sender dies it is sent again. */
export const holdMs = ({ OUTBOUND_TIMEOUT_MS: ms }: OutboxConfig): number => ms * HOLD_TIMEOUTS

/** Exponential backoff with full jitter: at random between 0 and the bound. @param failures before this wait, from 1 */
export function backoffMs(failures: number, { ALERT_RETRY_MS: base, ALERT_RETRY_MAX_MS: max }: OutboxConfig): number {
  return randomInt(Math.ceil(Math.min(max, base * 2 ** Math.min(failures - 1, 30))) + 1)
}

/** The notification after a try to send it. */
export function settled(
  notification: Notification,
  outcome: SendOutcome,
  now: number,
  config: OutboxConfig,
): Notification {
  if (outcome.result === 'sent') return { ...notification, state: 'sent', sentAt: now, lastError: null }
  const lastError = outcome.error.slice(0, ERROR_MAX_LENGTH)
  if (outcome.result === 'refused' || now >= notification.giveUpAt) return { ...notification, state: 'dead', lastError }
  const asked = Math.min(outcome.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)
  const nextAt = now + Math.max(asked, backoffMs(notification.attempts, config))
  return { ...notification, state: 'failed', lastError, nextAt }
}

/** A channel's failures in a row and until when it is left alone, after a try: a server that says when is believed. */
export function circuitAfter(
  { failures, blockedUntil }: Pick<StoredChannel, 'failures' | 'blockedUntil'>,
  outcome: SendOutcome,
  now: number,
  config: OutboxConfig,
): Pick<StoredChannel, 'failures' | 'blockedUntil'> {
  // A refusal is an answer: there is somebody.
  if (outcome.result !== 'failed') return { failures: 0, blockedUntil: 0 }
  const asked = now + Math.min(outcome.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)
  const over = failures + 1 - config.ALERT_CIRCUIT_FAILURES
  const rest = over < 0 ? 0 : now + Math.min(config.ALERT_RETRY_MAX_MS, config.ALERT_RETRY_MS * 2 ** Math.min(over, 30))
  return { failures: failures + 1, blockedUntil: Math.max(blockedUntil, asked, rest) }
}

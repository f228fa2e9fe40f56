import type { AlertView } from './alert.ts'

/** failed is tried again, dead only when somebody asks for it. */
export const NOTIFICATION_STATES = ['pending', 'sent', 'failed', 'dead'] as const
export type NotificationState = (typeof NOTIFICATION_STATES)[number]
export const NOTIFICATION_EVENTS = ['alert', 'acknowledged', 'test'] as const
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number]

/** A message to a channel, sent or still to be sent. Times are milliseconds since 1970. */
export interface Notification {
  id: string
  channel: string
  /** Those of a group go out one after the other. */
  groupKey: string
  event: NotificationEvent
  alerts: AlertView[]
  state: NotificationState
  attempts: number
  nextAt: number
  createdAt: number
  giveUpAt: number
  sentAt: number | null
  lastError: string | null
}

/** What became of a try to send it. */
export type SendOutcome =
  | { result: 'sent' }
  /** It may be taken later. @see RFC 9110 10.2.3 for `retryAfterMs`; `reason` is for the log of this machine alone */
  | { result: 'failed'; error: string; retryAfterMs?: number; reason?: string }
  /** It never will. */
  | { result: 'refused'; error: string; reason?: string }

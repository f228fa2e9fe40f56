import type { Owner } from '#shared/scope.ts'

/** What happened to the credentials of an account; its owner is told by mail, because it may have been somebody else. */
export const SECURITY_EVENTS = [
  'password-changed',
  'second-factor-added',
  'second-factor-removed',
  'recovery-codes-renewed',
  'passkey-added',
  'passkey-removed',
] as const
export type SecurityEvent = (typeof SECURITY_EVENTS)[number]

/** Every mail there is. */
export type MailRequest = {
  /** An address as accounts have it. */
  to: string
  /** Of the account, or of who asks (BCP 47). */
  locale: string
} & (
  | { template: 'verify-email' | 'set-password' | 'address-known' | 'approved' | 'address-changing' }
  | { template: 'invitation' | 'confirm-address'; account: Owner }
  | { template: 'security-note'; event: SecurityEvent }
)

/** Mails that only tell something: what they are about is not refused when too many are waiting, they are left out. */
export const NOTES: readonly MailRequest['template'][] = ['security-note', 'approved', 'address-changing']

export type MailTemplate = MailRequest['template']

/** What is found out when a mail is about to be sent. */
export interface PreparedMail {
  locale: string
  /** The link that it is about, and the time for which that is good, in seconds. */
  link?: { url: string; ttl_s: number }
}

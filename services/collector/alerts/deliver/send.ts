import type { Keyring } from '#shared/keyring.ts'
import type { Smtp } from '#shared/mail/smtp.ts'
import { OutboundFailed, type OutboundAnswer, type OutboundClient } from '#shared/outbound/client.ts'
import { OutboundRefused } from '#shared/outbound/target.ts'
import type { CollectorConfig } from '../../config.ts'
import { PAGERDUTY_URL } from '../channels/given.ts'
import type { ChannelSecrets } from '../channels/schema.ts'
import { openSecrets } from '../channels/sealed.ts'
import type { SendOutcome } from '../notification.ts'
import { mailTimeoutMs } from '../outbox.ts'
import type { Claimed } from '../rows.ts'
import { alertMail } from './mail.ts'
import type { Content } from './content.ts'
import { pagerDutyEvent } from './pagerduty.ts'
import { slackMessage } from './slack.ts'
import { signedHeaders, webhookBody } from './webhook.ts'

export interface SendParts {
  config: Pick<CollectorConfig, 'PUBLIC_URL' | 'OUTBOUND_TIMEOUT_MS'> & CollectorConfig
  keyring: Keyring
  outbound: OutboundClient
  smtp: Smtp | undefined
}

export type Send = ReturnType<typeof createSend>

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }
/** Statuses after which the same request may succeed (RFC 9110 15.5.9, RFC 6585 4, RFC 8470 5.2); others from 400 to 499 stay. */
const TRANSIENT = new Set([408, 425, 429])
/** Date.parse takes much more for a date (RFC 9110 5.6.7). */
const HTTP_DATE = /^[A-Z][a-z]{2,8}, /
const SAID_MAX_LENGTH = 100
/** One text, and tries as many, for a name that nobody has and one of this network: else whoever makes channels could ask which names there are. */
const UNREACHABLE = 'UNREACHABLE: the name has no address that may be asked (see OUTBOUND_ALLOW)'
/** What a look-up answers that found nothing (getaddrinfo). */
const NO_ADDRESS = /^(?:ENOTFOUND|ENODATA|EAI_[A-Z]+)$/

const isOfTheName = (error: unknown): error is Error =>
  (error instanceof OutboundRefused && error.isLookedUp) ||
  (error instanceof OutboundFailed && NO_ADDRESS.test(error.code))

/** Milliseconds of a Retry-After field: seconds or a date (RFC 9110 10.2.3). */
export function retryAfterMs(field: string | string[] | undefined, now: number): number | undefined {
  if (typeof field !== 'string') return undefined
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1000
  const at = HTTP_DATE.test(field) ? Date.parse(field) : NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/** Whether a text has something of a channel in it that nobody is to see. */
const isTelling = (text: string, { url, routingKey, secret }: ChannelSecrets): boolean =>
  [url === undefined ? '' : new URL(url).pathname.slice(1), routingKey ?? '', secret ?? ''].some(
    (one) => one !== '' && text.includes(one),
  )

/** What an answer means for a notification. */
export function outcomeOf(
  { status, headers, body }: OutboundAnswer,
  secrets: ChannelSecrets,
  now: number,
): SendOutcome {
  if (status >= 200 && status < 300) return { result: 'sent' }
  const said = body.subarray(0, SAID_MAX_LENGTH).toString().replace(/\s+/g, ' ').trim()
  const error = `HTTP ${status}${said === '' || isTelling(said, secrets) ? '' : `: ${said}`}`
  if (status < 500 && !TRANSIENT.has(status)) return { result: 'refused', error }
  const wait = status === 429 || status === 503 ? retryAfterMs(headers['retry-after'], now) : undefined
  return { result: 'failed', error, ...(wait === undefined ? {} : { retryAfterMs: wait }) }
}

/** Sends notifications by their channels. What becomes of it never has a secret in it, nor the address. */
export function createSend({ config, keyring, outbound, smtp }: SendParts) {
  async function post(
    secrets: ChannelSecrets,
    body: string,
    signal: AbortSignal,
    headers: Record<string, string> = {},
  ) {
    const { url = PAGERDUTY_URL } = secrets
    const request = { method: 'POST', url, headers: { ...JSON_TYPE, ...headers }, body, signal } as const
    return outcomeOf(await outbound.send(request), secrets, Date.now())
  }

  async function mail(content: Content, { to = [] }: ChannelSecrets, signal: AbortSignal): Promise<SendOutcome> {
    if (smtp === undefined) return { result: 'failed', error: 'SMTP_URL is not set' }
    const limited = AbortSignal.any([signal, AbortSignal.timeout(mailTimeoutMs(config))])
    const host = new URL(config.PUBLIC_URL).hostname
    const sending = smtp.send(to, alertMail(content), limited, `<${content.notification.id}@${host}>`)
    const over = new Promise<{ result: 'failed'; code: string }>((resolve) =>
      limited.addEventListener('abort', () => resolve({ result: 'failed', code: 'TIMEOUT' }), { once: true }),
    )
    const outcome = await Promise.race([sending, over])
    if (outcome.result === 'sent') return { result: 'sent' }
    const reply = 'reply' in outcome && outcome.reply !== undefined ? ` ${outcome.reply}` : ''
    return { result: outcome.result, error: `SMTP${reply} ${outcome.code}` }
  }

  function deliver(content: Content, kind: string, secrets: ChannelSecrets, signal: AbortSignal): Promise<SendOutcome> {
    const { routingKey = '', secret = '' } = secrets
    switch (kind) {
      case 'slack':
        return post(secrets, JSON.stringify(slackMessage(content)), signal)
      case 'pagerduty':
        return post(secrets, JSON.stringify(pagerDutyEvent(content, routingKey)), signal)
      case 'email':
        return mail(content, secrets, signal)
      default: {
        const body = webhookBody(content)
        return post(secrets, body, signal, signedHeaders(content.notification.id, body, secret, Date.now()))
      }
    }
  }

  /** @param signal ends it before its time */
  return async ({ tenantId, notification, channel }: Claimed, signal: AbortSignal): Promise<SendOutcome> => {
    const { kind, language } = channel.channel
    const content: Content = { tenantId, notification, language, publicUrl: config.PUBLIC_URL }
    try {
      return await deliver(content, kind, openSecrets(keyring, tenantId, channel), signal)
    } catch (error) {
      if (isOfTheName(error)) return { result: 'failed', error: UNREACHABLE, reason: error.message }
      if (error instanceof OutboundRefused) return { result: 'refused', error: error.message }
      if (error instanceof OutboundFailed) return { result: 'failed', error: error.code }
      return { result: 'failed', error: (error as Error).name }
    }
  }
}

import { createTransport, type SendMailOptions } from 'nodemailer'
import { isLoopback } from '../config.ts'
import type { Message } from './message.ts'
import type { SmtpConfig } from './settings.ts'

/** What became of a mail: taken, refused for good, or not taken this time. */
export type Outcome = { result: 'sent' } | { result: 'refused' | 'failed'; code: string; reply?: number }

export type Smtp = ReturnType<typeof createSmtp>

const CONNECT_TIMEOUT_MS = 10_000
const SOCKET_TIMEOUT_MS = 30_000
/** Faults that are the address's or the mail's (RFC 5321 4.2.1: 5yz is for good); of others the server may recover. */
const OF_THE_MAIL = new Set(['EENVELOPE', 'EMESSAGE'])
const PERMANENT = 500

function outcomeOf(error: unknown): Outcome {
  // Never its message: the server's answer names the address.
  const { code = 'unknown', responseCode } = error as { code?: string; responseCode?: number }
  const isRefused = OF_THE_MAIL.has(code) && responseCode !== undefined && responseCode >= PERMANENT
  return {
    result: isRefused ? 'refused' : 'failed',
    code,
    ...(responseCode === undefined ? {} : { reply: responseCode }),
  }
}

/**
 * Sends by SMTP (RFC 5321). On the way to another machine only with TLS, unless the URL says `?requireTLS=false`: there are
 * links in the mails that set passwords.
 */
export function createSmtp(url: string, { MAIL_FROM: from }: Pick<SmtpConfig, 'MAIL_FROM'>) {
  const transport = createTransport({
    requireTLS: new URL(url).protocol === 'smtp:' && !isLoopback(new URL(url).hostname),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    url,
  } as object)
  return {
    /**
     * @param to one address, or several whose owners may see each other
     * @param signal ends it before its time
     * @param messageId by which whoever gets it twice knows that (RFC 5322 3.6.4); one of its own without
     */
    async send(
      to: string | readonly string[],
      { subject, text, html }: Message,
      signal: AbortSignal,
      messageId?: string,
    ): Promise<Outcome> {
      const mail: SendMailOptions & { signal: AbortSignal } = {
        from,
        // An object is never parsed as a list of addresses.
        to: [to].flat().map((address) => ({ name: '', address })),
        subject,
        text,
        html,
        // RFC 3834 5: nobody's holiday note answers it.
        headers: { 'auto-submitted': 'auto-generated', 'x-auto-response-suppress': 'All' },
        signal,
        ...(messageId === undefined ? {} : { messageId }),
      }
      try {
        await transport.sendMail(mail)
        return { result: 'sent' }
      } catch (error) {
        return outcomeOf(error)
      }
    },
    close: () => transport.close(),
  }
}

import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'
import { until } from './until.ts'

/** A mail as the server got it. */
export interface Received extends Email {
  /** Of the envelope. */
  recipients: string[]
  raw: string
}

/** What the server answers to the next recipients: an SMTP code, undefined takes the mail. */
export type Refusal = number | undefined

/** A real mail server on a port of its own, closed when the test ends, and what came to it. */
export async function mailbox(t: Test, options: { port?: number } = {}) {
  const mails: Received[] = []
  const state: { refusal: Refusal; tries: number } = { refusal: undefined, tries: 0 }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo(address, _session, callback) {
      state.tries++
      const { refusal } = state
      if (refusal === undefined) return callback()
      callback(Object.assign(new Error(`no ${address.address}`), { responseCode: refusal }))
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const raw = Buffer.concat(chunks)
        void PostalMime.parse(raw).then((mail) => {
          const recipients = session.envelope.rcptTo.map(({ address }) => address)
          mails.push({ ...mail, recipients, raw: raw.toString() })
          callback()
        })
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  let isOpen = true
  const close = () =>
    isOpen ? new Promise<void>((resolve) => ((isOpen = false), server.close(() => resolve()))) : Promise.resolve()
  t.teardown(close)

  /** The first mail to that address that nobody has taken yet. */
  const next = (to: string): Promise<Received> =>
    until(`a mail to ${to}`, () => {
      const index = mails.findIndex(({ recipients }) => recipients.includes(to))
      return index === -1 ? undefined : mails.splice(index, 1)[0]
    })

  return {
    port,
    env: { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_RETRY_MS: '20', PUBLIC_URL: 'https://najimban.example' },
    /** Those that nobody has taken. */
    mails,
    state,
    next,
    close,
    /** The one-time token in the link of the next mail to that address. */
    async token(to: string): Promise<string> {
      const { text = '' } = await next(to)
      const token = /[?&]token=([\w-]+)/.exec(text)?.[1]
      if (token === undefined) throw new Error(`no link in: ${text}`)
      return token
    },
  }
}

export type Mailbox = Awaited<ReturnType<typeof mailbox>>

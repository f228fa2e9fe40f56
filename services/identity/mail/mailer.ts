import { randomInt } from 'node:crypto'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Logger } from '#shared/logger.ts'
import { createSmtp, type Outcome } from '#shared/mail/smtp.ts'
import { Problem } from '#shared/problem.ts'
import type { Writes } from '#shared/writes.ts'
import { composeMail } from './message.ts'
import type { Outbox, OutboxRow } from './outbox.ts'
import { NOTES, type MailRequest, type PreparedMail } from './request.ts'
import type { MailConfig } from './settings.ts'

export interface MailerDeps {
  outbox: Outbox
  writes: Writes
  logger: Logger
  registry: Registry
  /** Looks up, inside a write, what a mail is about at the moment when it is sent; undefined: it is not to be sent any more. */
  prepare: (request: MailRequest) => PreparedMail | undefined
}

export type Mailer = ReturnType<typeof createMailer>

const RETRY_MAX_MS = 3_600_000
const HOUR_MS = 3_600_000
/** What is done for a known address and not for an unknown one must not be seen in the time of an answer. */
const DELAY_MIN_MS = 10
const DELAY_MAX_MS = 100
/** After a fault of our own (a full disk), and at most between two looks into the table. */
const PAUSE_MS = 1000
const LOOK_MS = 60_000
/** Mails that are under way at a stop may finish; others are sent after the next start. */
const STOP_MS = 3000

/**
 * Sends mails that are written into the outbox in the same transaction as what they are about: what was promised is sent
 * after a crash, too, and no request waits for a mail server. A mail may come twice when the process dies between sending
 * it and noting so.
 */
export function createMailer(config: MailConfig & { PUBLIC_URL: string }, deps: MailerDeps) {
  const { SMTP_URL: url } = config
  const { outbox, writes, logger, prepare } = deps
  const smtp = url === undefined ? undefined : createSmtp(url, config)
  const aborted = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let soon: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let isPosted = false
  let isStopping = false

  const sent = new Counter({
    name: 'identity_mails_total',
    help: 'Mails by what became of them',
    labelNames: ['template', 'result'],
    registers: [deps.registry],
  })
  new Gauge({
    name: 'identity_mails_waiting',
    help: 'Mails that are still to be sent',
    registers: [deps.registry],
    collect() {
      this.set(outbox.count())
    },
  })

  /** Notes what became of a mail. */
  async function settle(row: OutboxRow, template: string, outcome: Outcome | undefined): Promise<void> {
    sent.inc({ template, result: outcome?.result ?? 'dropped' })
    if (outcome?.result === 'failed' && Date.now() < row.created + config.MAIL_RETRY_HOURS * HOUR_MS) {
      const wait = Math.min(RETRY_MAX_MS, config.MAIL_RETRY_MS * 2 ** row.tries)
      logger.warn({ ...outcome, template, mail: row.id, tries: row.tries + 1, next_ms: wait }, 'a mail was not taken')
      return writes.run(() => outbox.later(row.id, Date.now() + wait))
    }
    if (outcome !== undefined && outcome.result !== 'sent') {
      logger.error({ ...outcome, template, mail: row.id, tries: row.tries + 1 }, 'a mail is given up')
    }
    return writes.run(() => outbox.remove(row.id))
  }

  /** @returns undefined for a mail that is not to be sent any more */
  async function send(request: MailRequest): Promise<Outcome | undefined> {
    const prepared = await writes.run(() => prepare(request))
    if (prepared === undefined) return undefined
    const message = composeMail(request, prepared, config.PUBLIC_URL)
    return (smtp as NonNullable<typeof smtp>).send(request.to, message, aborted.signal)
  }

  async function deliver(row: OutboxRow): Promise<void> {
    let template = 'unknown'
    let outcome: Outcome | undefined
    try {
      const request = outbox.open(row)
      template = request.template
      outcome = await send(request)
    } catch (error) {
      // One mail that cannot be read or written must not keep the others from going out.
      logger.error({ err: error, mail: row.id }, 'a mail could not be made')
      outcome = { result: 'failed', code: 'internal' }
    }
    if (!aborted.signal.aborted || outcome?.result === 'sent') await settle(row, template, outcome)
  }

  async function pass(): Promise<void> {
    while (!isStopping) {
      const due = outbox.due(Date.now(), config.MAIL_CONNECTIONS_MAX)
      if (due.length === 0) return
      await Promise.all(due.map(deliver))
    }
  }

  function schedule(): void {
    clearTimeout(timer)
    const next = isStopping ? undefined : outbox.nextDue()
    if (next === undefined) return
    timer = setTimeout(run, Math.min(LOOK_MS, Math.max(0, next - Date.now()))).unref()
  }

  function run(): void {
    if (isStopping) return
    running ??= pass()
      .then(schedule)
      .catch((error: unknown) => {
        // The database does not answer: nothing can be read or noted before it does.
        logger.error({ err: error }, 'the sending of mails was interrupted')
        timer = setTimeout(run, PAUSE_MS).unref()
      })
      .finally(() => (running = undefined))
  }

  if (smtp !== undefined) {
    writes.onCommit(() => {
      if (!isPosted) return
      isPosted = false
      // Not in the middle of the commit's own work.
      soon ??= setTimeout(() => {
        soon = undefined
        run()
      }, DELAY_MAX_MS).unref()
    })
    setImmediate(run)
  }

  return {
    /** Whether there is a server to send by. */
    enabled: smtp !== undefined,
    /**
     * Has a mail sent, once this transaction is on disk; to be called inside a write. Without SMTP_URL it does nothing.
     * @throws Problem overloaded (503) when too many are waiting; notes are left out then
     */
    post(request: MailRequest): void {
      if (smtp === undefined) return
      if (outbox.count() >= config.MAIL_QUEUE_MAX) {
        if (NOTES.includes(request.template)) return sent.inc({ template: request.template, result: 'dropped' })
        throw new Problem('overloaded', { detail: 'Too many mails are waiting', headers: { 'retry-after': '60' } })
      }
      outbox.add(request, randomInt(DELAY_MIN_MS, DELAY_MAX_MS))
      isPosted = true
    },
    /** Lets what is under way finish for a moment; the rest is sent after the next start. */
    async stop(): Promise<void> {
      isStopping = true
      clearTimeout(timer)
      clearTimeout(soon)
      const cut = setTimeout(() => aborted.abort(), STOP_MS)
      await running
      clearTimeout(cut)
      smtp?.close()
    },
  }
}

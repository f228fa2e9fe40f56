import { createHealth } from '#shared/health.ts'
import { createLogger } from '#shared/logger.ts'
import { createMetrics } from '#shared/metrics.ts'
import { readConfig } from '#shared/config.ts'
import { asTenant } from '#shared/scope.ts'
import { openEngine } from '../../services/collector/app.ts'
import { settings } from '../../services/collector/config.ts'
import { newReportId } from '../../services/collector/ingest/report-id.ts'
import { openForReading } from '../../services/collector/migrations.ts'

const REPORT_BYTES = 1024

/** A report of 1 KB as a fleet sends it: a few rules and targets, one message with a number. In `n` counts go. */
export function reportText(n: string, nOf: (modulus: number) => string): string {
  const evaluations = [
    { rule_id: `rule-${nOf(20)}`, target: `앱 ${nOf(7)}`, verdict: 'pass', severity: 'info', message: 'fine' },
    { rule_id: 'latency', target: `앱 ${nOf(5)}`, verdict: 'warn', severity: 'warn', message: `p95 ${n} ms` },
  ]
  const whole = {
    status: { api: 'pass', jwks: 'pass' },
    policy: { policy_version: 'v7', evaluations },
    raw: { n, text: '' },
  }
  whole.raw.text = 'x'.repeat(Math.max(0, REPORT_BYTES - Buffer.byteLength(JSON.stringify(whole))))
  return JSON.stringify(whole)
}

export const numberedReport = (n: number): string => reportText(String(n), (modulus) => String(n % modulus))

/** The same for the load generator, which counts. */
export const REPORT_TEMPLATE = reportText('{{run}}-{{n}}', (modulus) => `{{n%${modulus}}}`)

const TOGETHER = 1000
const UNDER_WAY = 2
const LOG_EVERY = 250_000

/**
 * Stores reports of a tenant, spread evenly over the last `ms` milliseconds, through the writer of the engine that these
 * settings name, as they would have been stored when they came.
 */
export async function storeReports(env: NodeJS.ProcessEnv, tenant: string, count: number, ms: number): Promise<void> {
  const config = readConfig(settings, { ...env, LOG_LEVEL: 'fatal', WRITE_QUEUE_MAX: '100000' })
  const database = config.COLLECTOR_DATABASE_URL === undefined ? openForReading(config) : undefined
  const health = createHealth('collector', database)
  const engine = await openEngine(config, {
    logger: createLogger('collector', config),
    metrics: createMetrics('collector'),
    health,
    ...(database === undefined ? {} : { database }),
  })
  const since = Date.now() - ms
  let sent = 0
  async function send(): Promise<void> {
    while (sent < count) {
      const from = sent
      sent = Math.min(count, sent + TOGETHER)
      const items = Array.from({ length: sent - from }, (_, at) => {
        const createdAt = Math.floor(since + ((from + at) * ms) / count)
        return {
          tenantId: asTenant(tenant),
          text: numberedReport(from + at),
          restored: { id: newReportId(createdAt), createdAt },
        }
      })
      for (const outcome of await engine.writer.ingest(items)) {
        if (!('value' in outcome) || outcome.value.status !== 'stored') throw new Error(JSON.stringify(outcome))
      }
      if (from % LOG_EVERY === 0 && from > 0) console.log(`  ${from} reports are stored`)
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, send))
  await engine.stop()
  health.stop()
  database?.close()
}

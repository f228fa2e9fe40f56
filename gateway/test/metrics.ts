import type { Metrics } from '#shared/metrics.ts'

const REFUSAL = /^gateway_credential_refusals_total\{.*reason="([\w-]+)".*\} (\d+)$/gm

/** How many credentials were refused so far, by reason. */
export async function refusals({ registry }: Metrics): Promise<Record<string, number>> {
  const page = await registry.metrics()
  return Object.fromEntries([...page.matchAll(REFUSAL)].map(([, reason = '', count]) => [reason, Number(count)]))
}

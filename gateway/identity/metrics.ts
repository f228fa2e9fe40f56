import { Counter, Gauge, type Registry } from 'prom-client'
import type { Feed } from './feed.ts'
import type { Revoked } from './revoked.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { Verifier } from './verifier.ts'

interface Watched {
  verifier: Verifier
  feed: Feed
  revoked: Revoked
  keys: SigningKeys
}

/** Numbers of identification. They are counted where it happens and read when scraped. */
export function registerIdentityMetrics(registry: Registry, { verifier, feed, revoked, keys }: Watched): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  const counter = <L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    collect: (metric: Counter<L>) => void,
  ) =>
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        collect(this)
      },
    })
  counter('gateway_credentials_total', 'Credentials by how they were verified', ['result'], (metric) => {
    metric.inc({ result: 'remembered' }, verifier.counts.hits)
    metric.inc({ result: 'verified' }, verifier.counts.misses)
  })
  counter('gateway_credential_refusals_total', 'Credentials that were not accepted', ['reason'], (metric) => {
    for (const [reason, count] of verifier.counts.refusals) metric.inc({ reason }, count)
  })
  gauge('gateway_credentials_remembered', 'Verified credentials in memory', () => verifier.sizes().verified)
  gauge('gateway_credentials_pending', 'Credentials that are being verified', () => verifier.sizes().pending)
  gauge('gateway_revocations', 'Revocations that are remembered', revoked.size)
  gauge('gateway_signing_keys', 'Keys that tokens may be signed with', keys.size)
  gauge('gateway_revocations_silence_seconds', 'Time without contact to the feed of revocations', feed.silence)
}

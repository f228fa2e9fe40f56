import { createInternalClient } from '#shared/internal.ts'
import type { App } from '#shared/server.ts'
import type { Deps } from '#shared/start.ts'
import type { GatewayConfig } from '../config.ts'
import { createAccessTokens } from './access-token.ts'
import { createFeed } from './feed.ts'
import { identifyRequests } from './hook.ts'
import { createLookup } from './lookup.ts'
import { registerIdentityMetrics } from './metrics.ts'
import { createRevoked } from './revoked.ts'
import { createSigningKeys } from './signing-keys.ts'
import { createVerifier, type VerifierOptions } from './verifier.ts'

const JWKS_PATH = '/.well-known/jwks.json'

/**
 * Puts the verification of credentials together and begins to listen to identity's revocations.
 * @param spend counts a verification for the network of a request
 */
export function openDoor(
  app: App,
  config: GatewayConfig,
  { logger, metrics }: Pick<Deps, 'logger' | 'metrics'>,
  spend: VerifierOptions['spend'],
): void {
  const client = createInternalClient('gateway', config)
  const revoked = createRevoked()
  const keys = createSigningKeys({
    fetchKeys: async () => {
      const { status, body } = await client.ask('identity', JWKS_PATH, { timeoutMs: config.IDENTITY_TIMEOUT_MS })
      if (status !== 200) throw new Error(`identity answers ${status} instead of its keys`)
      return body
    },
    onWithdrawn: () => verifier.clear(),
  })
  const feed = createFeed({ client, revoked, keys, logger, onReset: () => verifier.clear() })
  const verifier = createVerifier({
    config,
    accessTokens: createAccessTokens(keys, config),
    lookup: createLookup(client, config),
    revoked,
    feed,
    spend,
  })
  identifyRequests(app, verifier, config)
  registerIdentityMetrics(metrics.registry, { verifier, feed, revoked, keys })
  app.addHook('onReady', (done) => {
    feed.start()
    done()
  })
  app.addHook('onClose', async () => {
    await feed.stop()
    client.close()
  })
}

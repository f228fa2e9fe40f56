import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import type { Stores } from '../../engine/engine.ts'
import type { Writer } from '../../writer/queue.ts'
import { sealedSecrets } from './sealed.ts'

interface ResealParts {
  store: Pick<Stores['alerts'], 'allChannels'>
  writer: Pick<Writer, 'run'>
  keyring: Keyring
  logger: Logger
}

/** Brings the secrets of all channels under the first key of the ring; of one that does not open the log speaks. */
export async function resealChannels({ store, writer, keyring, logger }: ResealParts): Promise<void> {
  for (const { tenantId, name, sealed } of await store.allChannels()) {
    const before = Buffer.from(sealed)
    if (!keyring.needsRotation(before)) continue
    try {
      const after = keyring.resealed(before, sealedSecrets(tenantId, name))
      await writer.run('resealAlertChannel', tenantId, name, before, after)
    } catch (error) {
      logger.error(
        { err: error, tenant: tenantId, channel: name },
        'secrets of a channel were not brought under the primary key',
      )
    }
  }
}

import type { Aad } from '#shared/envelope.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Tenant } from '#shared/scope.ts'
import { refuseForeign } from '../../engine/foreign.ts'
import type { StoredChannel } from '../rows.ts'
import type { ChannelSecrets } from './schema.ts'

/** What the secrets of a channel are bound to. */
export const sealedSecrets = (tenantId: Tenant, name: string): Aad => ({
  table: 'alert_channels',
  column: 'sealed',
  row: name,
  owner: tenantId,
})

export const sealSecrets = (keyring: Keyring, tenantId: Tenant, name: string, secrets: ChannelSecrets): Buffer =>
  keyring.seal(JSON.stringify(secrets), sealedSecrets(tenantId, name))

/** @throws SealRefused, ConfigError */
export const openSecrets = (keyring: Keyring, tenantId: Tenant, { name, sealed }: StoredChannel): ChannelSecrets =>
  JSON.parse(keyring.open(Buffer.from(sealed), sealedSecrets(tenantId, name)).toString()) as ChannelSecrets

/** @throws ConfigError when the secrets of one of these were sealed with a key that is not in the keyring */
export function refuseForeignChannels(
  channels: readonly (StoredChannel & { tenantId: Tenant })[],
  keyring: Keyring,
): void {
  for (const channel of channels) {
    const { tenantId, name } = channel
    refuseForeign(`what the alert channel ${name} of ${tenantId} keeps`, () => openSecrets(keyring, tenantId, channel))
  }
}

import type { Aad } from '#shared/envelope.ts'
import type { SealedColumn } from '#shared/key-rotation.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Tenant } from '#shared/scope.ts'
import type { StoredChannel } from '../rows.ts'
import type { ChannelSecrets } from './schema.ts'

const place = (tenantId: string, name: string): Aad => ({
  table: 'alert_channels',
  column: 'sealed',
  row: name,
  owner: tenantId,
})

/** Where the secrets of channels are, for the rotation of keys. */
export const SEALED_CHANNELS: SealedColumn = {
  table: 'alert_channels',
  column: 'sealed',
  key: ['tenantId', 'name'],
  aad: (row) => place(String(row.tenantId), String(row.name)),
}

export const sealSecrets = (keyring: Keyring, tenantId: Tenant, name: string, secrets: ChannelSecrets): Buffer =>
  keyring.seal(JSON.stringify(secrets), place(tenantId, name))

/** @throws SealRefused, ConfigError */
export const openSecrets = (keyring: Keyring, tenantId: Tenant, { name, sealed }: StoredChannel): ChannelSecrets =>
  JSON.parse(keyring.open(Buffer.from(sealed), place(tenantId, name)).toString()) as ChannelSecrets

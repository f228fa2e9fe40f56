import type { Aad } from '#shared/envelope.ts'
import type { SealedColumn } from '#shared/key-rotation.ts'
import { asOwner } from '#shared/scope.ts'
import { REMEMBERED_ANSWERS } from '#shared/writes.ts'
import { sealedContent } from '../mail/outbox.ts'
import { totpAad } from '../mfa/store.ts'
import { recordAad } from '../oauth/records.ts'
import { secretAad } from '../secrets/store.ts'
import { signingKeyAad } from '../signing/store.ts'

/** A column whose table has the primary key `key`; the place of a value is that of its store. */
function column(key: readonly string[], aadOf: (...key: string[]) => Aad): SealedColumn {
  const { table, column: name } = aadOf(...key)
  return { table, column: name, key, aad: (row) => aadOf(...key.map((part) => String(row[part]))) }
}

/** Every column of this database that is sealed; a test compares it with the schema. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  column(['kid'], signingKeyAad),
  column(['name'], secretAad),
  column(['account_id'], (account) => totpAad(asOwner(account))),
  column(['model', 'id'], recordAad),
  column(['id'], sealedContent),
  REMEMBERED_ANSWERS,
]

import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import { noSuchReport } from '../reports/representation.ts'
import type { ReportStore } from '../reports/store.ts'
import { createBundleKeyStore, type BundleKey } from './keys/store.ts'
import { createTokenStore, tooManyLinks, type NewToken } from './store.ts'

/** The answer of a rotation: every key as it is then, without what is sealed. */
export const rotatedAnswer = (keys: readonly BundleKey[]): Answer => ({
  status: 200,
  body: { keys: keys.map(({ kid, active, createdAt }) => ({ kid, active, createdAt })) },
})

/** What changes links and the keys of bundles. */
export function createExportCommands(
  db: Database,
  reports: Pick<ReportStore, 'ownerOf'>,
  { SIGN_TOKENS_MAX: max }: Pick<CollectorConfig, 'SIGN_TOKENS_MAX'>,
) {
  const tokens = createTokenStore(db)
  const keys = createBundleKeyStore(db)
  return {
    /** Stores a link and gives the answer that the caller made of it. */
    addToken(tenantId: Tenant, token: NewToken, body: Record<string, unknown>): Answer {
      if (reports.ownerOf(token.reportId) !== tenantId) throw noSuchReport()
      if (tokens.good(tenantId, token.reportId, token.issuedAt) >= max) throw tooManyLinks(max)
      tokens.add(tenantId, token)
      return { status: 200, body }
    },
    removeTokensOver: tokens.removeOver,
    useToken: tokens.use,
    revokeToken: tokens.revoke,
    /** @returns all keys, whoever's was the first */
    addFirstBundleKey: (key: BundleKey): BundleKey[] => keys.add(key, 'first'),
    /** @param withdraw the keys that are there are deleted */
    rotateBundleKey: (key: BundleKey, withdraw: boolean): Answer =>
      rotatedAnswer(keys.add(key, withdraw ? 'only' : 'next')),
    resealBundleKey: keys.reseal,
  }
}

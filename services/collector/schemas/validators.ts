import type { FieldError } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import { KNOWN_REPORT, REPORT_SCHEMA, type JsonSchema } from './known.ts'
import type { SchemaStore } from './store.ts'
import { compileSchema } from './subset.ts'

/** Checks a report; @returns what is wrong with it, nothing when it fits */
export type Validate = (report: unknown) => FieldError[]

export interface Validator {
  version: number
  validate: Validate
}

export type Validators = ReturnType<typeof createValidators>

const KEPT_MAX = 200

/** Compiled schemas, for the thread that writes new versions: it says when there is one. */
export function createValidators(store: Pick<SchemaStore, 'latestVersion' | 'get'>) {
  const known: Validator = { version: KNOWN_REPORT.version, validate: compileSchema(KNOWN_REPORT.schema) }
  const kept = new Map<string, Validator>()

  function compiled(tenantId: Tenant, name: string, version: number): Validator {
    const key = JSON.stringify([tenantId, name])
    const found = kept.get(key)
    if (found?.version === version) return found
    const { schema } = store.get(tenantId, name, version) as { schema: JsonSchema }
    const fresh = { version, validate: compileSchema(schema) }
    kept.delete(key)
    kept.set(key, fresh)
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value as string)
    return fresh
  }

  function newest(tenantId: Tenant, name: string): Validator | undefined {
    const version = store.latestVersion(tenantId, name)
    if (version === 0) return undefined
    if (name === REPORT_SCHEMA && version === KNOWN_REPORT.version) return known
    return compiled(tenantId, name, version)
  }

  /** What was looked up since the last `refresh`: one question to the database for all reports that come together. */
  const looked = new Map<string, Map<string, Validator | undefined>>()

  return {
    /** To be called before anything is checked whose schemas may have changed since the last time. */
    refresh: () => looked.clear(),
    /** The newest version of a tenant's schema, undefined when it has none of that name. */
    get(tenantId: Tenant, name = REPORT_SCHEMA): Validator | undefined {
      const own = looked.get(tenantId) ?? new Map<string, Validator | undefined>()
      looked.set(tenantId, own)
      if (!own.has(name)) own.set(name, newest(tenantId, name))
      return own.get(name)
    },
  }
}

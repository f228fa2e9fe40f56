import { etagOf, requireMatch } from '#shared/etag.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import { isDeepStrictEqual } from 'node:util'
import type { CollectorConfig } from '../config.ts'
import { incompatibilities } from './compatible.ts'
import type { JsonSchema, VersionedSchema } from './known.ts'
import type { SchemaStore } from './store.ts'
import { compileAccepts, schemaFaults } from './subset.ts'

const REASONS_MAX = 20
/** Lists of values that are tried on the other schema, in one comparison. */
const COMPILED_MAX = 200
/** Characters of JSON that they have together: a large one takes as long to compile as many small ones. */
const COMPILED_CHARACTERS_MAX = 262_144

const tooComplicated = () => new Problem('invalid-input', { detail: 'The schema is too complicated to be compared' })

/** Says whether a schema accepts a value; compiles each schema once. */
export function createAccepts() {
  const compiled = new Map<JsonSchema, ReturnType<typeof compileAccepts>>()
  let characters = 0

  function compile(schema: JsonSchema) {
    characters += JSON.stringify(schema).length
    if (compiled.size >= COMPILED_MAX || characters > COMPILED_CHARACTERS_MAX) throw tooComplicated()
    const check = compileAccepts(schema)
    compiled.set(schema, check)
    return check
  }

  return (schema: JsonSchema, value: unknown): boolean => (compiled.get(schema) ?? compile(schema))(value)
}

type SchemaVersion = Pick<VersionedSchema, 'version' | 'createdAt'>

/** A schema as it is shown, with its versions. */
export const schemaView = (shown: VersionedSchema, versions: readonly SchemaVersion[]) => ({ ...shown, versions })
/** The tag of that. */
export const schemaTag = (shown: VersionedSchema, versions: readonly SchemaVersion[]) =>
  etagOf(JSON.stringify(schemaView(shown, versions)))

export const versionAnswer = (status: number, { name, version, schema, createdAt }: VersionedSchema): Answer => ({
  status,
  body: { name, version, createdAt, schema },
})

type RegistryStore = Pick<SchemaStore, 'latestVersion' | 'get' | 'versions' | 'count' | 'add'>

/** New versions of a tenant's schemas. */
export function createRegistry(store: RegistryStore, config: Pick<CollectorConfig, 'SCHEMAS_MAX'>) {
  return {
    /**
     * Makes a new version, which must accept all that the one before it accepted; the same schema again changes nothing.
     * @throws Problem invalid-input (400) naming the keyword, conflict (409) naming what would be refused, precondition-failed
     * (412) when it is not what `ifMatch` names any more
     */
    put(tenantId: Tenant, name: string, schema: unknown, now: number, ifMatch?: string): Answer {
      const faults = schemaFaults(schema)
      if (faults.length > 0) {
        const detail = `${faults[0]?.field} ${faults[0]?.message}`.trim()
        throw new Problem('invalid-input', { detail, errors: faults.slice(0, REASONS_MAX) })
      }
      const latest = store.latestVersion(tenantId, name)
      const before = latest === 0 ? undefined : (store.get(tenantId, name, latest) as VersionedSchema)
      if (ifMatch !== undefined) requireMatch(ifMatch, before && schemaTag(before, store.versions(tenantId, name)))
      if (before !== undefined && isDeepStrictEqual(before.schema, schema)) return versionAnswer(200, before)
      const reasons =
        before === undefined ? [] : incompatibilities(schema as JsonSchema, before.schema, createAccepts())
      if (reasons.length > 0) {
        throw new Problem('conflict', {
          detail: `Version ${latest + 1} would refuse what version ${latest} accepts: ${reasons[0]}`,
          errors: reasons.slice(0, REASONS_MAX).map((message) => ({ in: 'body', field: '', message })),
        })
      }
      if (store.count(tenantId) >= config.SCHEMAS_MAX) {
        throw new Problem('conflict', { detail: `A tenant has at most ${config.SCHEMAS_MAX} versions of schemas` })
      }
      const made = { name, version: latest + 1, schema: schema as JsonSchema, createdAt: now }
      store.add(tenantId, made)
      return versionAnswer(201, made)
    },
  }
}

import { readFileSync } from 'node:fs'

/** A JSON Schema (2020-12) within the keywords of subset.ts. */
export type JsonSchema = boolean | SchemaObject

export type TypeName = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object'

export interface SchemaObject {
  type?: TypeName | TypeName[]
  enum?: unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  minProperties?: number
  maxProperties?: number
  required?: string[]
  properties?: Record<string, JsonSchema>
  additionalProperties?: JsonSchema
  items?: JsonSchema
  anyOf?: JsonSchema[]
}

/** A schema in one of its versions, counted from 1. */
export interface VersionedSchema {
  name: string
  version: number
  schema: JsonSchema
  /** Milliseconds since 1970; 0 for the one that comes with the program. */
  createdAt: number
}

/** What reports are checked against that name no schema. */
export const REPORT_SCHEMA = 'qc-report'

const read = (file: string) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as JsonSchema

/** Version 1 of the report, the same for every tenant. */
export const KNOWN_REPORT: VersionedSchema = {
  name: REPORT_SCHEMA,
  version: 1,
  schema: read('./qc-report.v1.json'),
  createdAt: 0,
}

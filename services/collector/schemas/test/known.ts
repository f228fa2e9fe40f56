import { KNOWN_REPORT } from '../known.ts'

export const known = () => structuredClone(KNOWN_REPORT.schema) as Record<string, never>
/** The known schema with `notes` that may be a text, too. */
export const wider = () => {
  const schema = known() as unknown as { properties: Record<string, unknown> }
  schema.properties.notes = { type: ['array', 'null', 'string'], items: { type: 'string' } }
  return schema
}

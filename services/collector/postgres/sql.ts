/** SQL with its values beside it: what is put into the template is bound, never text. A statement may be part of another one. */
export interface Statement {
  /** One more than there are values. */
  readonly parts: readonly string[]
  readonly values: readonly unknown[]
}

const isStatement = (value: unknown): value is Statement =>
  typeof value === 'object' && value !== null && 'parts' in value && 'values' in value

/** sql`SELECT 1 FROM reports WHERE tenantId = ${tenantId} AND ${condition}`: values become parameters, statements are put in. */
export function sql(strings: TemplateStringsArray, ...given: readonly unknown[]): Statement {
  const parts = [strings[0] as string]
  const values: unknown[] = []
  given.forEach((value, index) => {
    const after = strings[index + 1] as string
    const last = parts.length - 1
    if (!isStatement(value)) {
      values.push(value)
      return void parts.push(after)
    }
    parts[last] += value.parts[0] as string
    parts.push(...value.parts.slice(1))
    values.push(...value.values)
    parts[parts.length - 1] += after
  })
  return { parts, values }
}

/** Text of our own as a part of a statement; never what somebody sent. */
export const raw = (text: string): Statement => ({ parts: [text], values: [] })

/** Statements after one another with `separator` in between. */
export const joined = (statements: readonly Statement[], separator: string): Statement =>
  statements.reduce((all, one, index) => (index === 0 ? one : sql`${all}${raw(separator)}${one}`), raw(''))

/** All conditions that there are; at least one. */
export const and = (...conditions: readonly (Statement | undefined)[]): Statement =>
  joined(
    conditions.filter((condition) => condition !== undefined),
    ' AND ',
  )

/** A list of columns whose names come back as they are written here: PostgreSQL knows them in lower case. */
export const columns = (...names: readonly string[]): Statement =>
  raw(names.map((name) => (name === name.toLowerCase() ? name : `${name} AS "${name}"`)).join(', '))

/** The text with $1, $2, ... for the values. */
export const textOf = ({ parts }: Statement): string =>
  parts.reduce((text, part, index) => (index === 0 ? part : `${text}$${index}${part}`), '')

import Joi from 'joi'
import type { App } from './server.ts'

const META = { strict: true }

/** The schema refuses members that it does not name, at any depth; of other schemas the server drops them. */
export const strict = <S extends Joi.Schema>(schema: S): S => schema.meta(META) as S

/** Not from `describe()`: that costs a collector 30 ms at its start. */
export const isStrict = (schema: Joi.Schema): boolean =>
  ((schema.$_terms.metas ?? []) as (typeof META)[]).some(({ strict: is }) => is)

interface Described {
  keys?: Record<string, Described>
}

/** The names that a value may have beside the one at the path, for who has misspelt it; '' where they are not known. */
export function otherNames(schema: Joi.Schema, path: readonly (string | number)[]): string {
  let described: Described | undefined = schema.describe() as Described
  for (const name of path.slice(0, -1)) described = described?.keys?.[name]
  return Object.keys(described?.keys ?? {}).join(', ')
}

/** A body may be left out for its default; where it has none, handlers read members of it. */
const needed = (body: Joi.Schema): Joi.Schema =>
  body.validate(undefined).value === undefined ? body.required().label('body') : body

/**
 * Makes the bodies of all routes to come strict, and needed where they have no default, because a misspelt `dry_run` that
 * is dropped deletes; and the queries of those whose path fits.
 */
export function refuseUnknown(app: App, strictQueries: RegExp): void {
  app.addHook('onRoute', (route) => {
    const { body, querystring, ...rest } = route.schema ?? {}
    const query = strictQueries.test(route.url) ? strict((querystring ?? Joi.object({})) as Joi.Schema) : querystring
    route.schema = {
      ...rest,
      ...(body === undefined ? {} : { body: strict(needed(body as Joi.Schema)) }),
      ...(query === undefined ? {} : { querystring: query }),
    }
  })
}

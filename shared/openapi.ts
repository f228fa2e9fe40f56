import swagger from '@fastify/swagger'
import type { FastifySchema } from 'fastify'
import Joi from 'joi'
import type { App } from './server.ts'
import { VERSION } from './health.ts'

const TARGET = { target: 'draft-2020-12' } as const

/** A Joi schema as JSON Schema 2020-12 by Joi's own exporter; anything else stays as it is. */
function toJsonSchema(schema: unknown): unknown {
  return Joi.isSchema(schema) ? (schema as Joi.Schema)['~standard'].jsonSchema.input(TARGET) : schema
}

/** `GET /openapi.json` (OpenAPI 3.1) made from the routes' Joi schemas. Register it before the routes. */
export function serveOpenApi(app: App, title: string, description: string): void {
  void app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title, description, version: VERSION } },
    transform: ({ schema, url }) => {
      const shown: Record<string, unknown> = { ...schema }
      for (const part of ['body', 'querystring', 'params', 'headers'] as const) {
        if (shown[part] !== undefined) shown[part] = toJsonSchema(shown[part])
      }
      const responses = Object.entries((schema?.response ?? {}) as Record<string, unknown>)
      if (responses.length > 0) shown.response = Object.fromEntries(responses.map(([k, v]) => [k, toJsonSchema(v)]))
      // A list answers with and without its last slash; the document names it without.
      return { schema: shown as FastifySchema, url: url.replace(/(?<=.)\/$/, '') }
    },
  })
  void app.register(async (routes) => {
    routes.get('/openapi.json', { config: { public: true }, schema: { hide: true } }, () => routes.swagger())
  })
}

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

/** What a body may be left out for has a default; @fastify/swagger calls every body required. */
const mayBeLeftOut = (body: unknown): boolean =>
  Joi.isSchema(body) && (body as Joi.Schema).validate(undefined).value !== undefined

/** Marks the schema of such a body until the whole document is there. */
const LEFT_OUT = 'x-may-be-left-out'

interface Operation {
  requestBody?: { required?: boolean; content: Record<string, { schema?: Record<string, unknown> }> }
}

/** Takes the marks out again. */
function tellOptional({ paths = {} }: { paths?: Record<string, unknown> }): void {
  for (const { requestBody } of Object.values(paths).flatMap((path) =>
    Object.values(path as Record<string, Operation>),
  )) {
    for (const { schema } of Object.values(requestBody?.content ?? {})) {
      if (requestBody === undefined || schema?.[LEFT_OUT] !== true) continue
      requestBody.required = false
      Reflect.deleteProperty(schema, LEFT_OUT)
    }
  }
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
      if (mayBeLeftOut(schema?.body)) shown.body = { ...(shown.body as object), [LEFT_OUT]: true }
      const responses = Object.entries((schema?.response ?? {}) as Record<string, unknown>)
      if (responses.length > 0) shown.response = Object.fromEntries(responses.map(([k, v]) => [k, toJsonSchema(v)]))
      // A list answers with and without its last slash; the document names it without.
      return { schema: shown as FastifySchema, url: url.replace(/(?<=.)\/$/, '') }
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject
      tellOptional(document.openapiObject)
      return document.openapiObject
    },
  })
  void app.register(async (routes) => {
    routes.get('/openapi.json', { config: { public: true }, schema: { hide: true } }, () => routes.swagger())
  })
}

import { matchHits } from '#shared/etag.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { FastifyRequest } from 'fastify'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import type { Writer } from '../writer/queue.ts'
import { schemaTag, schemaView } from './registry.ts'
import type { Replayed } from './replay.ts'
import { replayedSchema, schemaBody, schemaListSchema, schemaParams, schemaQuery, versionSchema } from './schema.ts'

const tags = ['schemas']
const noSuchSchema = () => new Problem('not-found', { detail: 'Schema not found' })

/** The tag that a GET of the request's URL has now. */
type TagOf = (request: FastifyRequest) => Promise<string>

export const schemaRoutes =
  (store: Stores['schemas'], writer: Writer, config: CollectorConfig, tagOf: TagOf) => async (app: App) => {
    /** If-Match names what the caller has read by the version of everything; the schema is compared by itself. */
    async function expectedOf(request: FastifyRequest, name: string): Promise<string | undefined> {
      const { 'if-match': ifMatch } = request.headers
      if (ifMatch === undefined || ifMatch.trim() === '*') return ifMatch
      const { tenant } = request.caller
      const found = await store.get(tenant, name, await store.latestVersion(tenant, name))
      const versions = await store.versions(tenant, name)
      // Read before the version is: when that is still the one that the caller has, so is this.
      const isKnown = found !== undefined && matchHits(ifMatch, await tagOf(request))
      return isKnown ? schemaTag(found, versions) : ifMatch
    }

    app.get(
      '/schemas',
      {
        config: { versioned: true },
        schema: {
          tags,
          summary: "The tenant's schemas and their newest versions",
          response: { 200: schemaListSchema },
        },
      },
      async (request) => ({ schemas: await store.list(request.caller.tenant) }),
    )

    app.get(
      '/schemas/:name',
      {
        config: { versioned: true },
        schema: {
          tags,
          summary: 'A schema',
          description: 'qc-report is there for everybody: version 1 comes with the program.',
          params: schemaParams,
          querystring: schemaQuery,
          response: { 200: versionSchema },
        },
      },
      async (request) => {
        const { tenant } = request.caller
        const { name } = request.params
        const version = request.query.version ?? (await store.latestVersion(tenant, name))
        const found = await store.get(tenant, name, version)
        if (found === undefined) throw noSuchSchema()
        return schemaView(found, await store.versions(tenant, name))
      },
    )

    app.put(
      '/schemas/:name',
      {
        bodyLimit: config.SCHEMA_MAX_BYTES,
        config: { etag: false },
        schema: {
          tags,
          summary: 'Make a new version of a schema',
          description:
            'It must accept everything that the version before it accepted (409 says what it would refuse). 200 when nothing changed.',
          params: schemaParams,
          body: schemaBody,
          response: { 200: versionSchema, 201: versionSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { name } = request.params
        const ifMatch = await expectedOf(request, name)
        await writer.answer(request, reply, tenant, ['putSchema', tenant, name, request.body, Date.now(), ifMatch])
        return reply
      },
    )

    app.post(
      '/reports/replay',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Check quarantined reports against the newest schemas',
          response: { 200: replayedSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const body = { checked: 0, moved: 0 }
        let after: readonly [number, number] | undefined = [-1, -1]
        while (after !== undefined) {
          const done: Replayed = await writer.run('replayReports', tenant, after, config.REPLAY_CHUNK, Date.now())
          body.checked += done.checked
          body.moved += done.moved
          after = done.next
        }
        await writer.answer(request, reply, tenant, ['remember', 200, body])
        return reply
      },
    )
  }

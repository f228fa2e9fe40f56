import Joi from 'joi'
import type { Test } from 'tap'
import { identifyCaller, userOf } from '../caller.ts'
import { commonSettings, type CommonConfig } from '../config.ts'
import { openDatabase } from '../database.ts'
import { requireMatch } from '../etag.ts'
import { serveOpenApi } from '../openapi.ts'
import { createServer } from '../server.ts'
import { testService } from './service.ts'
import { createWrites, IDEMPOTENCY_TABLE } from '../writes.ts'
import type { Deps } from '../start.ts'

interface Note {
  text: string
  stars?: number
  tags?: string[]
}
const noteSchema = Joi.object<Note, true>({
  text: Joi.string().max(20).required(),
  stars: Joi.number().integer().min(0),
  tags: Joi.array().items(Joi.string()),
})
export const secret = 'a secret that is long enough, 32+'

function build(config: CommonConfig, deps: Deps) {
  const db = deps.database as NonNullable<typeof deps.database>
  const writes = createWrites(db, config, deps)
  const app = createServer({
    config,
    ...deps,
    identify: (request) => {
      request.caller = identifyCaller(request, { service: 'calendar', access: config.ACCESS, secret })
    },
  })
  serveOpenApi(app, 'Notes', 'A service for tests')
  const insert = db.prepare('INSERT INTO notes VALUES (?, ?)')
  void app.register(async (routes: typeof app) => {
    routes.post('/notes', { schema: { body: noteSchema } }, (request, reply) =>
      writes.answer(request, reply, userOf(request), () => {
        insert.run(userOf(request), request.body.text)
        if (request.body.text === 'bad') throw new Error('secret cause')
        return { status: 201, body: request.body }
      }),
    )
    routes.get('/notes', (request) => db.prepare('SELECT text FROM notes WHERE owner = ?').all(userOf(request)))
    routes.get('/big', () => ({ text: '가'.repeat(2000) }))
    routes.put('/big', (request) => {
      requireMatch(request.headers['if-match'], '"current"')
      return {}
    })
    routes.get('/boom', () => {
      throw new Error('secret cause')
    })
  })
  return { app, close: writes.stop }
}

export const service = (test: Test, env: Record<string, string> = {}) =>
  testService(
    test,
    {
      name: 'calendar',
      settings: commonSettings,
      openDatabase: (config) =>
        openDatabase({
          file: `${config.DATA_DIR}/notes.db`,
          applicationId: 1,
          migrations: [IDEMPOTENCY_TABLE, 'CREATE TABLE notes (owner TEXT, text TEXT)'],
        }),
      build,
    },
    env,
  )

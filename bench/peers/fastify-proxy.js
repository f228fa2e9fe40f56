// @fastify/http-proxy out of the box: no limits, CORS or log.
import fastify from 'fastify'
import httpProxy from '@fastify/http-proxy'

const [port, answers, sink] = process.argv.slice(2)
const app = fastify({ bodyLimit: Number.MAX_SAFE_INTEGER })
for (const [prefix, target] of [
  ['/api/calendar', answers],
  ['/api/diaries', sink],
]) {
  app.register(httpProxy, { upstream: `http://127.0.0.1:${target}`, prefix, rewritePrefix: prefix })
}
await app.listen({ port: Number(port), host: '127.0.0.1' })
process.on('disconnect', () => process.exit())

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { App } from '#shared/server.ts'
import type { createOpenApi } from './openapi.ts'

/** The docs page may load its own scripts and styles and call this gateway, and nothing else. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** `GET /openapi.json`, and `GET /docs` to read and try it. */
export async function serveDocuments(app: App, openApi: ReturnType<typeof createOpenApi>): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, () => openApi.refresh())
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Najimban', version: '' } } })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    // Without the bar on top: it has another product's name and a field for other addresses, which the policy refuses.
    uiConfig: { docExpansion: 'none', tryItOutEnabled: true, layout: 'BaseLayout' },
    theme: { title: 'Najimban' },
    uiHooks: {
      preHandler: (_request, _reply, done) => {
        openApi.refresh().then(() => done(), done)
      },
    },
    transformSpecification: () => openApi.current(),
    transformSpecificationClone: false,
  })
}

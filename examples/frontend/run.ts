import { createServer } from 'vite'

const ANSWER_MS = 2000

const gatewayUrl = process.env.GATEWAY_URL || 'http://127.0.0.1:5000'
const server = await createServer({
  configFile: false,
  root: import.meta.dirname,
  // The page has no dependencies, so there is nothing to look for and bundle in advance.
  optimizeDeps: { noDiscovery: true },
  server: {
    host: '127.0.0.1',
    port: Number(process.env.FRONTEND_PORT || 4000),
    strictPort: true,
    proxy: { '/api': gatewayUrl },
  },
})
await server.listen().catch((error: unknown) => {
  console.error(`${(error as Error).message}; set FRONTEND_PORT to another port`)
  process.exit(1)
})
console.log(`The example page: ${server.resolvedUrls?.local[0]}   (/api -> ${gatewayUrl})`)
const answers = await fetch(`${gatewayUrl}/health`, { signal: AbortSignal.timeout(ANSWER_MS) }).then(
  (response) => response.ok,
  () => false,
)
if (!answers) console.log(`The gateway at ${gatewayUrl} does not answer: start it in another terminal with  npm start`)

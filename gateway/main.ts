import { startProcess } from '#shared/start.ts'
import { gatewayProcess } from './app.ts'

await startProcess(gatewayProcess)

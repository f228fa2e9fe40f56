import { startProcess } from '#shared/start.ts'
import { collectorProcess } from './app.ts'

await startProcess(collectorProcess)

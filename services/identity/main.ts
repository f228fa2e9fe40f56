import { startProcess } from '#shared/start.ts'
import { identityProcess } from './app.ts'

await startProcess(identityProcess)

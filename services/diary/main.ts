import { startProcess } from '#shared/start.ts'
import { diaryProcess } from './app.ts'

await startProcess(diaryProcess)

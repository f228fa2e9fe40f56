import { startProcess } from '#shared/start.ts'
import { calendarProcess } from './app.ts'

await startProcess(calendarProcess)

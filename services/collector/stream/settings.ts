import { integer, type Settings } from '#shared/config.ts'

export interface StreamConfig {
  STREAMS_MAX: number
  STREAMS_PER_TENANT_MAX: number
  STREAM_HEARTBEAT_MS: number
  STREAM_STALL_MS: number
  STREAM_MAX_S: number
  STREAM_CATCHUPS_MAX: number
  STREAM_CATCHUPS_TENANT_MAX: number
}

export const streamSettings: Settings<StreamConfig> = {
  STREAMS_MAX: integer(1, 100_000)
    .default(200)
    .description('Most open event streams; beyond: 503. Each is one of PROXY_CONNECTIONS_MAX of the gateway'),
  STREAMS_PER_TENANT_MAX: integer(1, 100_000).default(100).description('The same of one tenant; beyond: 429'),
  STREAM_HEARTBEAT_MS: integer(10, 600_000)
    .default(15_000)
    .description('Pause after which an event stream says that it is alive; below PROXY_BODY_IDLE_TIMEOUT_MS'),
  STREAM_STALL_MS: integer(10, 600_000)
    .default(30_000)
    .description('Time after which an event stream ends whose reader takes nothing while something waits for it'),
  STREAM_MAX_S: integer(1, 604_800)
    .default(3600)
    .description('Longest life of an event stream; the reader comes again, and says again who it is'),
  STREAM_CATCHUPS_MAX: integer(1, 1000)
    .default(4)
    .description('Reads of what event streams have missed that are under way at once; the others wait'),
  STREAM_CATCHUPS_TENANT_MAX: integer(1, 1000).default(2).description('The same of one tenant'),
}

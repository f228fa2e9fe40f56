import { integer, text, type Settings } from '#shared/config.ts'

export interface PostgresConfig {
  COLLECTOR_DATABASE_URL?: string
  COLLECTOR_LISTEN_URL?: string
  COLLECTOR_DATABASE_POOL: number
  COLLECTOR_DATABASE_PREPARED: 'auto' | 'on' | 'off'
  COLLECTOR_DATABASE_TIMEOUT_MS: number
}

const postgresUrl = () => text().uri({ scheme: ['postgres', 'postgresql'] })

export const postgresSettings: Settings<PostgresConfig> = {
  COLLECTOR_DATABASE_URL: postgresUrl().description(
    'PostgreSQL (15 or newer) instead of the SQLite file: postgres://user:password@host:port/database',
  ),
  COLLECTOR_LISTEN_URL: postgresUrl().description(
    'The same database without a pooler in between, for notifications from other replicas',
  ),
  COLLECTOR_DATABASE_POOL: integer(2, 1000).default(10).description('Most connections of a process to PostgreSQL'),
  COLLECTOR_DATABASE_PREPARED: text()
    .valid('auto', 'on', 'off')
    .default('auto')
    .description('Whether PostgreSQL keeps statements that write: `auto` when no pooler is in between'),
  COLLECTOR_DATABASE_TIMEOUT_MS: integer(100, 600_000)
    .default(10_000)
    .description('Longest wait for a connection to PostgreSQL, and for a statement'),
}

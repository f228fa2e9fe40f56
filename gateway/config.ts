import Joi from 'joi'
import { apiKeysSetting, type ApiKeysConfig } from '#shared/api-keys.ts'
import { commonSettings, integer, text, type CommonConfig, type Settings } from '#shared/config.ts'
import { list, origins } from '#shared/origins.ts'

export interface GatewayConfig extends CommonConfig, ApiKeysConfig {
  CORS_ORIGINS: string[]
  TRUSTED_PROXIES?: string[]
  MONITOR_KEY?: string
  REDIS_URL?: string
  RATE_LIMIT_GENERAL: number
  RATE_LIMIT_WRITE: number
  RATE_LIMIT_UPLOAD: number
  RATE_LIMIT_LOGIN: number
  RATE_LIMIT_INGEST: number
  RATE_LIMIT_VERIFY: number
  RATE_LIMIT_WINDOW_MS: number
  RATE_LIMIT_CLIENTS_MAX: number
  AUDIT_REFUSALS_MAX: number
  IDENTITY_CACHE_TTL_S: number
  IDENTITY_CACHE_MAX: number
  IDENTITY_PENDING_MAX: number
  IDENTITY_TIMEOUT_MS: number
  CREDENTIAL_MAX_LENGTH: number
  CLOCK_TOLERANCE_S: number
  PROXY_CONNECT_TIMEOUT_MS: number
  PROXY_HEADERS_TIMEOUT_MS: number
  PROXY_BODY_IDLE_TIMEOUT_MS: number
  PROXY_MIN_BODY_RATE: number
  PROXY_BODY_RATE_GRACE_MS: number
  PROXY_CLIENT_STALL_TIMEOUT_MS: number
  PROXY_CROWDED_STALL_TIMEOUT_MS: number
  PROXY_CROWDED_BODY_RATE: number
  PROXY_CONNECTIONS_MAX: number
  PROXY_QUEUE_MAX: number
  PROXY_HEADER_MAX_BYTES: number
  PROXY_KEEP_ALIVE_TIMEOUT_MS: number
  PROXY_RESTART_WAIT_MS: number
  PROXY_RETRY_BUDGET: number
  BREAKER_THRESHOLD: number
  BREAKER_COOLDOWN_MS: number
  PROBE_TIMEOUT_MS: number
}

const limit = (standard: number) => integer(1, 1e9).default(standard)
const ms = (standard: number) => integer(10, 3_600_000).default(standard)

export const settings: Settings<GatewayConfig> = {
  ...commonSettings,
  API_KEYS: apiKeysSetting,
  CORS_ORIGINS: origins('CORS_ORIGINS')
    .default(['http://localhost:4000'])
    .description('Origins of front ends, separated by commas'),
  TRUSTED_PROXIES: list().description('Addresses of reverse proxies whose X-Forwarded-For is believed'),
  MONITOR_KEY: text()
    .min(32)
    .description('Key of health monitor and load tests, in x-monitor-key: exempt from limits; made by start'),
  REDIS_URL: text()
    .uri({ scheme: ['redis', 'rediss'] })
    .description('Redis that holds the rate limits of several gateways; in memory without it'),
  RATE_LIMIT_GENERAL: limit(1000).description('Reading requests per client and window'),
  RATE_LIMIT_WRITE: limit(600).description('Changing requests per client and window'),
  RATE_LIMIT_UPLOAD: limit(200).description('Image uploads per client and window'),
  RATE_LIMIT_LOGIN: limit(30).description('Attempts to sign in, or to prove something, per network and window'),
  RATE_LIMIT_INGEST: limit(60_000).description('Reports per key (or address) and window'),
  RATE_LIMIT_VERIFY: limit(3000).description('Credentials, not verified shortly before, per network and window'),
  RATE_LIMIT_WINDOW_MS: integer(100, 86_400_000).default(900_000).description('Length of a rate-limit window'),
  RATE_LIMIT_CLIENTS_MAX: integer(10, 1e7).default(50_000).description('Clients remembered per class, in memory'),
  AUDIT_REFUSALS_MAX: limit(3000).description(
    'Refusals of a network that are a row of the audit log each, in a minute; those beyond are counted in one',
  ),
  IDENTITY_CACHE_TTL_S: integer(1, 3600).default(60).description('Time for which what identity said is believed'),
  IDENTITY_CACHE_MAX: integer(2, 1e7).default(20_000).description('Verified credentials kept in memory'),
  IDENTITY_PENDING_MAX: integer(1, 100_000).default(1000).description('Credentials verified at the same time (503)'),
  IDENTITY_TIMEOUT_MS: ms(2000).description('Time in which identity must answer about a credential (503)'),
  CREDENTIAL_MAX_LENGTH: integer(512, 16_384).default(4096).description('Longest credential, in characters (401)'),
  CLOCK_TOLERANCE_S: integer(0, 300).default(5).description('Difference of clocks that tokens are forgiven'),
  PROXY_CONNECT_TIMEOUT_MS: ms(2000).description('Time in which a service must accept a connection (504)'),
  PROXY_HEADERS_TIMEOUT_MS: ms(30_000).description('Time from the request to the head of the answer (504)'),
  PROXY_BODY_IDLE_TIMEOUT_MS: ms(30_000).description('Longest pause inside a body, either way'),
  PROXY_MIN_BODY_RATE: integer(0, 1e9).default(1024).description('Bytes a second that a client must send (408)'),
  PROXY_BODY_RATE_GRACE_MS: ms(10_000).description('Span over which that rate is judged'),
  PROXY_CLIENT_STALL_TIMEOUT_MS: ms(120_000).description('Time after which a client that takes nothing is cut'),
  PROXY_CROWDED_STALL_TIMEOUT_MS: ms(5000).description('The same while requests wait for a connection'),
  PROXY_CROWDED_BODY_RATE: integer(0, 1e9)
    .default(16_384)
    .description('Bytes a second that a client must send while requests wait for a connection (408)'),
  PROXY_CONNECTIONS_MAX: integer(1, 10_000).default(256).description('Connections to one service'),
  PROXY_QUEUE_MAX: integer(0, 100_000).default(1024).description('Requests that wait for a connection (503)'),
  PROXY_HEADER_MAX_BYTES: integer(1024, 1e6).default(65_536).description("Largest head of a service's answer"),
  PROXY_KEEP_ALIVE_TIMEOUT_MS: ms(4000).description('Idle time of connections to services; below their own'),
  PROXY_RESTART_WAIT_MS: integer(0, 60_000).default(2000).description('Wait for a service that restarts (then 503)'),
  PROXY_RETRY_BUDGET: Joi.number().empty('').min(0).max(1).default(0.1).description('Retries as a share of requests'),
  BREAKER_THRESHOLD: integer(1, 1000).default(5).description('Failures in a row that open the circuit'),
  BREAKER_COOLDOWN_MS: ms(5000).description('Time until an open circuit lets a probe through'),
  PROBE_TIMEOUT_MS: ms(1000).description('Time in which a service must answer a probe of the gateway'),
}

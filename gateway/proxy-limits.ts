import type { GatewayConfig } from './config.ts'
import { DEFAULT_LIMITS, type ProxyLimits } from './proxy/contract.ts'

/** The settings in the proxy's words. */
export const proxyLimits = (config: GatewayConfig): ProxyLimits => ({
  ...DEFAULT_LIMITS,
  connectTimeout: config.PROXY_CONNECT_TIMEOUT_MS,
  headersTimeout: config.PROXY_HEADERS_TIMEOUT_MS,
  bodyIdleTimeout: config.PROXY_BODY_IDLE_TIMEOUT_MS,
  minBodyRate: config.PROXY_MIN_BODY_RATE,
  bodyRateGrace: config.PROXY_BODY_RATE_GRACE_MS,
  clientStallTimeout: config.PROXY_CLIENT_STALL_TIMEOUT_MS,
  crowdedStallTimeout: config.PROXY_CROWDED_STALL_TIMEOUT_MS,
  crowdedBodyRate: config.PROXY_CROWDED_BODY_RATE,
  maxConnections: config.PROXY_CONNECTIONS_MAX,
  maxQueue: config.PROXY_QUEUE_MAX,
  maxHeaderBytes: config.PROXY_HEADER_MAX_BYTES,
  keepAliveTimeout: config.PROXY_KEEP_ALIVE_TIMEOUT_MS,
  restartWait: config.PROXY_RESTART_WAIT_MS,
  retryBudgetRatio: config.PROXY_RETRY_BUDGET,
  breakerThreshold: config.BREAKER_THRESHOLD,
  breakerCooldown: config.BREAKER_COOLDOWN_MS,
})

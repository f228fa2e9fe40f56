/** What a route may cost: milliseconds at the percentile, errors as a share of what was offered. */
export interface Budget {
  p50_ms?: number
  p99_ms?: number
  error_rate?: number
}

/** The default budgets, by route of the load mix; a targets file may set others. */
export const BUDGETS = {
  'GET /api/calendar/events': { p50_ms: 25, p99_ms: 150, error_rate: 0.001 },
  'GET /api/calendar/events/:id': { p50_ms: 25, p99_ms: 150, error_rate: 0.001 },
  'POST /api/calendar/events': { p50_ms: 50, p99_ms: 250, error_rate: 0.001 },
  'GET /api/diaries': { p50_ms: 25, p99_ms: 150, error_rate: 0.001 },
  'POST /ingest/qc': { p50_ms: 50, p99_ms: 250, error_rate: 0.001 },
  'GET /reports': { p50_ms: 25, p99_ms: 150, error_rate: 0.001 },
  'GET /timeline': { p50_ms: 25, p99_ms: 150, error_rate: 0.001 },
} as const satisfies Record<string, Budget>

export type Budgets = Readonly<Record<string, Budget>>
export type MixRoute = keyof typeof BUDGETS

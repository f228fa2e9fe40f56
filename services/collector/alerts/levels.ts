/** How bad an alert is, the least first; PagerDuty has the same words. */
export const LEVELS = ['info', 'warning', 'error', 'critical'] as const
export type Level = (typeof LEVELS)[number]

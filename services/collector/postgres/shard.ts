import { randomInt } from 'node:crypto'

/** Rows that one count is spread over, at most. */
const SHARDS = 16

/**
 * The rows of counts that this process changes; who reads adds them up. Replicas that happen to have the same wait for each
 * other now and then, and count right.
 */
export const newShard = (): number => randomInt(SHARDS)

import { ConfigError } from '#shared/config.ts'

/**
 * For the start: a process, or a replica, that cannot open what was sealed would fail whenever that is needed.
 * @param what its name for people
 * @param open opens it
 * @throws ConfigError when it does not open
 */
export function refuseForeign(what: string, open: () => unknown): void {
  try {
    open()
  } catch {
    throw new ConfigError([
      `this database's secrets are sealed with another key (${what} cannot be opened); ` +
        'give all replicas the same ENCRYPTION_KEYS, older ones after the first',
    ])
  }
}

const CLASSES: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/^(?:HTTP|SMTP) (\d{3})\b/, ([, status]) => `status ${status}`],
  [/^(?:SMTP )?(?:TIMEOUT|ETIMEDOUT)$/, () => 'timeout'],
  [/^(?:SMTP )?(?:ECONNREFUSED|ECONNRESET)$/, () => 'refused'],
  // A name that leads into the network of this machine is told from one that nobody has by no word.
  [/^UNREACHABLE\b| is not on the public internet /, () => 'unreachable'],
  [/^the address | \(see OUTBOUND_ALLOW\)$/, () => 'not allowed'],
  [/^(?:SMTP )?E[A-Z\d_]+$/, () => 'unreachable'],
  [/^(?:SMTP )?[\w-]+$/, () => 'failed'],
]

/**
 * What was wrong with a notification for those who do not administrate the tenant: nothing that the other side said, and of the
 * network no more than whether somebody is there. What is of our own making stays: the channel was deleted, for one.
 */
export function errorClass(error: string): string {
  for (const [pattern, named] of CLASSES) {
    const match = pattern.exec(error)
    if (match !== null) return named(match)
  }
  return error
}

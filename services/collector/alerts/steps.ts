/** Work on a database that waits where it yields: what one engine gives at once and the other later. */
export type Steps<T> = Generator<unknown, T, unknown>

/** Waits for a value within steps. */
export function* wait<T>(value: T | Promise<T>): Generator<unknown, T, unknown> {
  return (yield value) as T
}

/** Does it all at once; nothing in it may be a promise. */
export function doNow<T>(steps: Steps<T>): T {
  let step = steps.next()
  while (step.done !== true) step = steps.next(step.value)
  return step.value
}

/** Does it with promises. */
export async function doLater<T>(steps: Steps<T>): Promise<T> {
  let step = steps.next()
  while (step.done !== true) step = steps.next(await step.value)
  return step.value
}

import { fill, type Place } from './places.ts'
import { REQUESTS } from './requests.ts'
import type { Things } from './things.ts'
import type { Step } from './trail.ts'

/** Somebody on their way: what their requests carry. */
export interface Walker {
  name: string
  headers: Record<string, string>
}

export const bearer = (token: string): Walker => ({ name: 'bearer', headers: { authorization: `Bearer ${token}` } })

export interface Answer {
  status: number
  headers: Headers
  text: string
}

/** What walks to places, with what the things there need, and leaves a trail. */
export function createWalk(base: string, things: Things, trail: Step[] = []) {
  /** @param path the pattern under which the place is asked, one of those outside without it */
  return async (place: Place, { name, headers }: Walker, path = place.outside[0] as string): Promise<Answer> => {
    const { body, query } = REQUESTS[place.route] ?? {}
    const isWrite = ['POST', 'PUT', 'PATCH'].includes(place.method)
    const content = body?.(things, name) ?? (isWrite ? {} : undefined)
    const isForm = content instanceof FormData
    const answer = await fetch(base + fill(path, things.ids) + (query?.(things) ?? ''), {
      method: place.method,
      redirect: 'manual',
      headers: { ...headers, ...(content === undefined || isForm ? {} : { 'content-type': 'application/json' }) },
      ...(content === undefined ? {} : { body: isForm ? content : JSON.stringify(content) }),
    })
    const { status } = answer
    trail.push({ place, method: place.method, status, id: answer.headers.get('x-request-id') as string })
    return { status, headers: answer.headers, text: await answer.text() }
  }
}

export type Walk = ReturnType<typeof createWalk>

/** Walks to each place and gathers what was not as it should be. @param fault what is wrong with an answer; undefined is nothing */
export async function faultsOf(
  places: readonly Place[],
  go: (place: Place) => Promise<Answer>,
  fault: (answer: Answer, place: Place) => string | undefined,
): Promise<string[]> {
  const faults: string[] = []
  for (const place of places) {
    const answer = await go(place)
    const found = fault(answer, place)
    if (found !== undefined) faults.push(`${place.route}: ${found}; ${answer.status} ${answer.text.slice(0, 200)}`)
  }
  return faults
}

/** A fault unless the answer has this status, and this in its text. */
export const unless =
  (status: number, pattern = /(?:)/) =>
  (answer: Answer): string | undefined =>
    answer.status === status && pattern.test(answer.text) ? undefined : `not ${status} ${pattern.source}`

/** A place in the order of a list: when a report was stored, and its number in the order of arrival. */
export type Place = readonly [createdAt: number, seq: number]

/** Reports that were found and are next to each other in the order of arrival; their times lie within bounds. */
export interface FoundBlock {
  /** Orders blocks of the same time. */
  block: number
  oldest: number
  newest: number
  count: number
  /** The places of those that were found. */
  places(): Place[]
}

export type Direction = 'newest' | 'oldest'

interface Wanted {
  direction: Direction
  limit: number
  offset: number
  /** Only what comes after this place. */
  after?: Place | undefined
}

const compare = ([at, seq]: Place, [otherAt, otherSeq]: Place): number => at - otherAt || seq - otherSeq

/**
 * Places of a page. Reports mostly arrive in the order of their times, so that few blocks have to be looked into: one that
 * neither has anything for the page nor mixes with its neighbours is passed over by its count.
 */
export function pageOf(blocks: readonly FoundBlock[], { direction, limit, offset, after }: Wanted): Place[] {
  const sign = direction === 'newest' ? -1 : 1
  const firstOf = ({ block, oldest, newest }: FoundBlock): Place => [sign < 0 ? newest : oldest, block]
  const lastOf = ({ block, oldest, newest }: FoundBlock): Place => [sign < 0 ? oldest : newest, block]
  const order = (one: Place, other: Place) => sign * compare(one, other)
  const isAfter = (place: Place) => after === undefined || order(place, after) > 0
  const queue = blocks
    .filter((block) => after === undefined || sign * (lastOf(block)[0] - after[0]) >= 0)
    .sort((one, other) => order(firstOf(one), firstOf(other)))

  const page: Place[] = []
  let skip = offset
  /** What was looked into and not given out yet, in order. */
  let waiting: Place[] = []
  const blockOfPlace = new Map<Place, number>()
  for (let at = 0; page.length < limit; at++) {
    const next = queue[at]
    const isDue = (place: Place) =>
      next === undefined || order([place[0], blockOfPlace.get(place) as number], firstOf(next)) < 0
    let given = 0
    while (given < waiting.length && page.length < limit && isDue(waiting[given] as Place)) {
      const place = waiting[given++] as Place
      if (skip > 0) skip--
      else page.push(place)
    }
    waiting = waiting.slice(given)
    if (next === undefined) break
    const following = queue[at + 1]
    const isApart = following === undefined || order(lastOf(next), firstOf(following)) < 0
    if (waiting.length === 0 && isApart && skip >= next.count) {
      skip -= next.count
      continue
    }
    const places = next.places().filter(isAfter)
    for (const place of places) blockOfPlace.set(place, next.block)
    waiting = [...waiting, ...places].sort(order)
  }
  return page
}

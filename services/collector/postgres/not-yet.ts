import { Problem } from '#shared/problem.ts'

/** What PostgreSQL does not do yet. */
export const notYet = (what: string) =>
  new Problem('not-implemented', { detail: `This is not there on PostgreSQL yet (${what})` })

/** A store of a feature whose other side is not written yet: whatever is asked of it is refused with 501. */
export const storeNotYet = <S extends object>(feature: string): S =>
  new Proxy({} as S, {
    get: () => () => {
      throw notYet(feature)
    },
  })

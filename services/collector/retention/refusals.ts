import { Problem } from '#shared/problem.ts'
import { DamagedArchive } from './archive/manifest.ts'

const DISK_IS_FULL = new Set(['ENOSPC', 'EDQUOT'])
const SAFE = 'no report was deleted that is not in a verified archive'

/** Why a run did not come to its end, as it is answered. */
export function runFailure(error: unknown, isStopping: boolean): Problem {
  if (isStopping) return new Problem('unavailable', { detail: 'The collector is stopping; run it again', cause: error })
  const { code = '' } = error as NodeJS.ErrnoException
  const isFull = DISK_IS_FULL.has(code) || (error instanceof Problem && error.problem === 'storage-full')
  if (isFull) return new Problem('storage-full', { detail: `The disk is full; ${SAFE}`, cause: error })
  if (error instanceof DamagedArchive) {
    return new Problem('internal', { detail: `An archive could not be verified; ${SAFE}`, cause: error })
  }
  if (error instanceof Problem) return error
  return new Problem('internal', { detail: `The run failed; ${SAFE}`, cause: error })
}

import t from 'tap'
import { Problem } from '#shared/problem.ts'
import { DamagedArchive } from './archive/manifest.ts'
import { runFailure } from './refusals.ts'

t.test('why a run ended early is one of a few answers, and each says that nothing is lost', async (t) => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  const quota = Object.assign(new Error('quota'), { code: 'EDQUOT' })
  for (const error of [full, quota, new Problem('storage-full')]) {
    t.match(runFailure(error, false), { statusCode: 507, message: /full; no report was deleted/ })
  }
  t.match(runFailure(new DamagedArchive('x'), false), { statusCode: 500, message: /could not be verified; no report/ })
  t.match(runFailure(new Error('x'), false), { statusCode: 500, message: /no report was deleted/ })
  const unavailable = new Problem('unavailable', { detail: 'The database is not usable' })
  t.equal(runFailure(unavailable, false), unavailable)
  t.match(runFailure(full, true), { statusCode: 503, message: /stopping/ })
})

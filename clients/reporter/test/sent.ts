import { linesOf, type Got } from './servers.ts'

export const numberOf = ({ body }: Got) => (JSON.parse(body) as { n: number }).n
export const singles = (got: Got[]) => got.filter(({ path }) => path === '/ingest/qc').map(numberOf)
export const batches = (got: Got[]) =>
  got.filter(({ path }) => path.endsWith('/batch')).map((one) => linesOf(one).map(({ n }) => n))

import { measure, type Figures, type Plan, type Subject } from '../lab/rounds.ts'
import { startOrigin, type Lab } from '../subjects/lab.ts'
import { missingPeers, OURS, PEER_PROXIES, startGateway, startPeerProxy, type Proxy } from '../subjects/proxies.ts'

export const SMALL = 'proxy, 300 bytes'
export const LARGE = 'proxy, 50 KB'
export const UPLOAD = 'proxy, upload of 50 MB'

const UPLOAD_BYTES = 50 * 1024 * 1024
/** Uploads at a time, and in a round. */
const UPLOAD_CONNECTIONS = 4
const UPLOADS = 8

/** The gateway with everything on, and its peers, in front of the same fixed answers. */
export async function proxyCase(lab: Lab): Promise<Record<string, Figures[]>> {
  const missing = missingPeers()
  const origin = await startOrigin(lab)
  const names = [OURS, ...Object.keys(PEER_PROXIES).filter((name) => !missing.includes(name))]

  /** New processes for each kind of request, so that their peak size is of that kind. */
  async function compare(job: Pick<Subject, 'request' | 'upload'>, plan: Plan): Promise<Figures[]> {
    const proxies: (Proxy & Subject)[] = []
    for (const name of names) {
      const proxy = await (name === OURS ? startGateway(lab, origin) : startPeerProxy(lab, name, origin))
      proxies.push({ ...proxy, ...job, name })
    }
    const figures = await measure(lab.load, proxies, plan)
    for (const proxy of proxies) await proxy.stop()
    return figures
  }

  const { plan } = lab
  const upload = { bytes: UPLOAD_BYTES, paths: Array<string>(UPLOADS).fill('/api/diaries/bench/images') }
  const found = {
    [SMALL]: await compare({ request: { path: '/api/calendar/small' } }, plan),
    [LARGE]: await compare({ request: { path: '/api/calendar/large' } }, { ...plan, warmup: plan.warmup / 4 }),
    [UPLOAD]: await compare(
      { request: { path: '' }, upload },
      { ...plan, connections: UPLOAD_CONNECTIONS, warmup: Math.min(plan.warmup, UPLOADS) },
    ),
  }
  await origin.stop()
  return found
}

import { until } from '#shared/test/until.ts'
import { BLOCKS, SECRET, type alerting, type NotificationItem } from './collector.ts'

/** One finding is enough. */
export const ONE_BLOCKS = { ...BLOCKS, count: 1 }
export const HOOK = { kind: 'webhook', secret: SECRET }

type It = Awaited<ReturnType<typeof alerting>>

export const settled = (it: It, id: string, state: string) =>
  until(`a notification that is ${state}`, async () => {
    const found = await it.call<NotificationItem>('GET', `/notifications/${id}`, 200)
    return found.state === state && found
  })

export const test = async (it: It, channel: string) =>
  (await it.call<{ id: string }>('POST', `/channels/${channel}/test`, 202)).id

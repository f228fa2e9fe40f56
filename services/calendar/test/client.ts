import type { Test } from 'tap'
import { testService } from '#shared/test/service.ts'
import { calendarProcess } from '../app.ts'

export interface EventView {
  id: string
  title: string
  description: string | null
  start_time: string
  end_time: string
  all_day: boolean
  location: string | null
  type: string
  color: string
  reminder_minutes: number | null
  start_at: string
  end_at: string
  time_zone: string
  created_at: string
  updated_at: string
}

export interface Refusal {
  status: number
  message: string
  errors: { field: string; message: string }[]
}

interface Call {
  body?: unknown
  headers?: Record<string, string>
}

/** A calendar on a fresh folder and a way to speak to it in JSON. */
export async function calendar(t: Test, env: Record<string, string> = {}) {
  const service = await testService(t, calendarProcess, env)
  async function call(method: string, url: string, { body, headers = {} }: Call = {}) {
    const answer = await service.app.inject({
      method: method as 'GET',
      url: url.startsWith('/health') ? url : `/api/calendar${url}`,
      headers,
      ...(body === undefined ? {} : { payload: body as object }),
    })
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string | undefined>,
      text: answer.body,
      json: <T>() => answer.json<T>(),
    }
  }
  return { ...service, call }
}

export type Calendar = Awaited<ReturnType<typeof calendar>>

export const meeting = { title: '주간 회의', start_time: '2026-11-14T09:30:00', end_time: '2026-11-14T10:30:00' }

/** Makes an event, of defaults where `fields` says nothing. @throws when it is refused */
export async function addEvent({ call }: Calendar, fields: object = {}, user?: string): Promise<EventView> {
  const headers: Record<string, string> = user === undefined ? {} : { 'x-user-id': user }
  const answer = await call('POST', '/events', { body: { ...meeting, ...fields }, headers })
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.json<{ data: EventView }>().data
}

import type { Api } from './api.ts'

interface Event {
  id: string
  title: string
  start_time: string
}
interface Todo {
  id: string
  title: string
  date: string
}
interface Tag {
  id: string
  name: string
}

type Plan = readonly [
  day: number,
  at: string,
  minutes: number,
  title: string,
  type: string,
  color: string,
  place: string,
  tag: string,
]

/** Days from today, wall-clock time in Seoul, length, and what it is. */
const EVENTS: readonly Plan[] = [
  [-21, '19:00', 120, '고등학교 친구들 모임', 'personal', '#10B981', '을지로 노가리 골목', '개인'],
  [-14, '10:00', 60, 'Quarterly planning with Berlin', 'work', '#3B82F6', 'Meet', '업무'],
  [-9, '14:30', 45, '치과 정기 검진', 'health', '#8B5CF6', '연세미소치과', '건강'],
  [-6, '11:00', 180, '김장하는 날', 'family', '#F59E0B', '어머니 댁', '가족'],
  [-3, '09:30', 30, 'Release 2.4: go / no-go', 'work', '#3B82F6', '3층 회의실', '업무'],
  [-1, '18:30', 90, '필라테스', 'health', '#8B5CF6', '', '건강'],
  [0, '09:30', 15, '팀 스탠드업 ☕', 'work', '#3B82F6', '', '업무'],
  [0, '12:30', 60, '점심: 민지 🍜', 'personal', '#10B981', '망원동', '개인'],
  [0, '16:00', 60, 'Design review: offline sync', 'work', '#3B82F6', 'Meet', '업무'],
  [1, '10:00', 90, '여권 갱신하기', 'personal', '#EF4444', '마포구청', '중요'],
  [2, '07:00', 60, '한강 달리기', 'health', '#8B5CF6', '망원 한강공원', '건강'],
  [3, '15:00', 60, '1:1 with Sofia', 'work', '#3B82F6', '', '업무'],
  [5, '18:00', 150, '아버지 생신 저녁', 'family', '#F59E0B', '한식당 소반', '가족'],
  [8, '13:00', 240, 'Workshop: incident response', 'work', '#3B82F6', 'Pangyo', '업무'],
  [12, '20:00', 130, '영화 보는 날 🎬', 'personal', '#10B981', 'CGV 홍대', '개인'],
  [16, '09:00', 540, '건강 검진 (금식)', 'health', '#EF4444', '강북삼성병원', '중요'],
  [23, '00:00', 0, '결혼기념일', 'anniversary', '#EF4444', '', '가족'],
  [30, '08:20', 100, '부산행 KTX', 'personal', '#10B981', '서울역', '개인'],
  [33, '00:00', 0, '크리스마스 휴가', 'holiday', '#F59E0B', '', ''],
]

const TODOS: readonly (readonly [day: number, title: string, priority: string, completed: 0 | 1])[] = [
  [-1, '세탁소에서 코트 찾기', 'low', 1],
  [-1, 'Send invoice to Haneul Studio', 'high', 1],
  [0, '전세 계약서 사본 보내기', 'high', 0],
  [0, 'Reply to Sofia about the roadmap', 'medium', 0],
  [0, '화분에 물 주기 🌿', 'low', 0],
  [1, '여권 사진 챙기기', 'high', 0],
  [3, 'Book the KTX back from Busan', 'medium', 0],
  [4, '아버지 생신 선물 포장', 'high', 0],
]

type Day = Temporal.PlainDate

function* plannedEvents(today: Day) {
  for (const [day, at, minutes, title, type, color, location, tag] of EVENTS) {
    const start = today.add({ days: day }).toPlainDateTime(Temporal.PlainTime.from(at))
    const end = start.add({ minutes })
    const event = {
      title,
      type,
      color,
      location,
      all_day: minutes === 0,
      start_time: start.toString().slice(0, 16),
      end_time: end.toString().slice(0, 16),
      reminder_minutes: minutes === 0 ? null : 10,
    }
    yield { event, tag }
  }
}

async function existingEvents(api: Api, today: Day): Promise<Map<string, string>> {
  const span = `start=${today.subtract({ days: 30 }).toString()}&end=${today.add({ days: 60 }).toString()}`
  const { data } = await api.get<{ data: Event[] }>(`/api/calendar/events?${span}`)
  return new Map(data.map((event) => [`${event.start_time} ${event.title}`, event.id]))
}

async function existingTodos(api: Api, day: string): Promise<Map<string, string>> {
  const todos = await api.get<Todo[]>(`/api/calendar/todos/${day}`)
  return new Map(todos.map((todo) => [todo.title, todo.id]))
}

export async function addCalendar(api: Api, today: Day): Promise<string> {
  const tags = new Map((await api.get<Tag[]>('/api/calendar/tags')).map((tag) => [tag.name, tag.id]))
  const existing = await existingEvents(api, today)
  let added = 0
  for (const { event, tag } of plannedEvents(today)) {
    if (existing.has(`${event.start_time} ${event.title}`)) continue
    const { body } = await api.add('/api/calendar/events', event)
    const { id } = (body as { data: Event }).data
    const tagId = tags.get(tag)
    if (tagId !== undefined) await api.send('POST', `/api/calendar/events/${id}/tags`, { tagIds: [tagId] })
    added++
  }
  let todos = 0
  for (const [day, title, priority, completed] of TODOS) {
    const date = today.add({ days: day }).toString()
    if ((await existingTodos(api, date)).has(title)) continue
    await api.add('/api/calendar/todos', { title, date, priority, completed })
    todos++
  }
  return `${added} events and ${todos} to-dos added`
}

export async function removeCalendar(api: Api, today: Day): Promise<string> {
  const existing = await existingEvents(api, today)
  let removed = 0
  for (const { event } of plannedEvents(today)) {
    const id = existing.get(`${event.start_time} ${event.title}`)
    if (id === undefined) continue
    await api.remove(`/api/calendar/events/${id}`)
    removed++
  }
  let todos = 0
  for (const [day, title] of TODOS) {
    const id = (await existingTodos(api, today.add({ days: day }).toString())).get(title)
    if (id === undefined) continue
    await api.remove(`/api/calendar/todos/${id}`)
    todos++
  }
  return `${removed} events and ${todos} to-dos removed`
}

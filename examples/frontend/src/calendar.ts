import { ask, send } from './api.ts'
import { dayOf, format, formatDays, formatSpan, lastDayOf, moveMonth, nextHour, noonOf, timeZone } from './dates.ts'
import { element, find } from './dom.ts'
import { createForm } from './form.ts'
import { text, wordOf } from './language.ts'
import type { TextKey } from './texts.ts'
import { createView } from './view.ts'

interface CalendarEvent {
  id: string
  title: string
  description: string | null
  location: string | null
  type: TextKey
  color: string
  all_day: boolean
  /** Wall clock in the event's own zone. */
  start_time: string
  end_time: string
  /** Instants. */
  start_at: string
  end_at: string
}

const EVENTS = '/api/calendar/events'

const dayIn = (time: string) => time.slice(0, 'YYYY-MM-DD'.length)
const monthOf = (day: string) => day.slice(0, 'YYYY-MM'.length)

/** The day under which a person here looks for it: an all-day event keeps its own date in every zone. */
const dayOfEvent = (event: CalendarEvent): string =>
  event.all_day ? dayIn(event.start_time) : dayOf(new Date(event.start_at))

function spanOf(event: CalendarEvent): string {
  if (!event.all_day) return formatSpan(new Date(event.start_at), new Date(event.end_at))
  const [first, last] = [dayIn(event.start_time), dayIn(event.end_time)]
  return first === last ? text('allDay') : formatDays(first, last)
}

function showEvent(event: CalendarEvent): HTMLElement {
  const about = element('p', { class: 'about' }, element('time', { datetime: event.start_at }, spanOf(event)))
  if (event.location) about.append(' · ', event.location)
  const item = element(
    'li',
    { class: 'event', 'data-id': event.id },
    element('p', { class: 'title', dir: 'auto' }, event.title),
    about,
    element('span', { class: 'tag' }, wordOf(event.type)),
  )
  item.style.setProperty('--color', event.color)
  return item
}

function showDay(day: string, events: CalendarEvent[]): HTMLElement {
  const at = noonOf(day)
  const head = element(
    'h3',
    { class: 'day', 'data-weekday': String(at.getDay()), 'aria-label': format(at, { dateStyle: 'full' }) },
    element('span', { class: 'number', 'aria-hidden': 'true' }, String(at.getDate())),
    element('span', { class: 'weekday', 'aria-hidden': 'true' }, format(at, { weekday: 'short' })),
  )
  if (day === dayOf(new Date())) head.classList.add('today')
  return element('div', { class: 'row' }, head, element('ul', {}, ...events.map(showEvent)))
}

/** The events of a month, and the form for a new one. */
export function createCalendar() {
  const label = find<HTMLElement>('#calendar .month')
  const form = find<HTMLFormElement>('#new-event')
  let month = monthOf(dayOf(new Date()))

  const view = createView<CalendarEvent>(find('#events'), {
    empty: 'noEvents',
    async read() {
      const days = { start: `${month}-01`, end: lastDayOf(month), time_zone: timeZone() }
      return (await ask<{ data: CalendarEvent[] }>(`${EVENTS}?${new URLSearchParams(days)}`)).data
    },
    show(events) {
      const days = Map.groupBy(events, dayOfEvent)
      return [...days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, theirs]) => showDay(day, theirs))
    },
  })

  const showMonth = () => (label.textContent = format(noonOf(`${month}-01`), { year: 'numeric', month: 'long' }))

  async function go(to: string): Promise<void> {
    if (to !== month) view.clear()
    month = to
    showMonth()
    await view.load()
  }

  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-month]')) {
    const by = button.dataset.month as string
    button.addEventListener('click', () => {
      void go(by === 'today' ? monthOf(dayOf(new Date())) : moveMonth(month, Number(by)))
    })
  }

  function suggestTimes(): void {
    const { start, end } = nextHour()
    find<HTMLInputElement>('[name=start_time]', form).value = start
    find<HTMLInputElement>('[name=end_time]', form).value = end
  }

  const { render } = createForm(form, {
    done: 'eventAdded',
    async send(data) {
      const { data: made } = await send<{ data: CalendarEvent }>('POST', EVENTS, {
        ...Object.fromEntries(data),
        all_day: data.has('all_day'),
        // The inputs hold wall-clock times; this says whose.
        time_zone: timeZone(),
      })
      form.reset()
      suggestTimes()
      await go(monthOf(dayOfEvent(made)))
    },
  })
  suggestTimes()

  return {
    load: view.load,
    render() {
      showMonth()
      view.render()
      render()
    },
  }
}

import { ask, send } from './api.ts'
import { dayOf, format, noonOf } from './dates.ts'
import { element, find } from './dom.ts'
import { createForm } from './form.ts'
import { text } from './language.ts'
import { createView } from './view.ts'

interface Entry {
  id: string
  date: string
  content: string
  mood: string | number | null
  images: string[]
}

const DIARIES = '/api/diaries'
const SHOWN = 5

function showEntry(entry: Entry): HTMLElement {
  const day = format(noonOf(entry.date), { dateStyle: 'full' })
  const shown = element(
    'article',
    { class: 'entry', 'data-id': entry.id },
    element(
      'header',
      {},
      element('span', { class: 'mood' }, String(entry.mood ?? '')),
      element('h3', {}, element('time', { datetime: entry.date }, day)),
    ),
    element('p', { class: 'content', dir: 'auto' }, entry.content),
  )
  if (entry.images.length > 0) {
    const photos = entry.images.map((src) =>
      element(
        'a',
        { href: src, target: '_blank', rel: 'noopener' },
        element('img', { src, alt: `${text('photoOf')} ${day}` }),
      ),
    )
    shown.append(element('div', { class: 'photos' }, ...photos))
  }
  return shown
}

/** The latest entries, and a form that is the page of one day: there is one entry a day, so an old one is changed. */
export function createDiary() {
  const form = find<HTMLFormElement>('#new-entry')
  const date = find<HTMLInputElement>('[name=date]', form)
  const content = find<HTMLTextAreaElement>('[name=content]', form)
  const mood = find<HTMLSelectElement>('[name=mood]', form)
  const photo = find<HTMLInputElement>('[name=photo]', form)
  /** The entry that the form shows. Without it the entry is a new one, and the server refuses a second for a day. */
  let opened: Entry | undefined

  const view = createView<Entry>(find('#entries'), {
    empty: 'noEntries',
    read: () => ask<Entry[]>(`${DIARIES}?limit=${SHOWN}`),
    show: (entries) => entries.map(showEntry),
  })

  const hasUnsaved = () => content.value !== (opened?.content ?? '')

  function show(entry: Entry | undefined): void {
    opened = entry
    content.value = entry?.content ?? ''
    mood.value = String(entry?.mood ?? '')
  }

  /** Shows what is written for the day that was chosen, unless that would cover what the person has begun to write. */
  async function open(): Promise<void> {
    const day = date.value
    if (day === '' || hasUnsaved()) return
    const query = new URLSearchParams({ date: day })
    const { data } = await ask<{ data: Entry | null }>(`${DIARIES}?${query}`)
    if (date.value === day && !hasUnsaved()) show(data ?? undefined)
  }
  // What is wrong then is said where the entries are listed, or when this is sent.
  const tryToOpen = () => open().catch(() => undefined)
  date.addEventListener('change', () => void tryToOpen())

  async function addPhoto(entry: Entry, file: FormDataEntryValue | null): Promise<void> {
    if (!(file instanceof File) || file.size === 0) return
    const body = new FormData()
    body.append('image', file)
    await ask(`${DIARIES}/${entry.id}/images`, { method: 'POST', body })
    photo.value = ''
  }

  const { render } = createForm(form, {
    done: 'entrySaved',
    async send(data) {
      // '' takes a mood away; null, of a mood that the list does not have, keeps it.
      const written = { date: data.get('date'), content: data.get('content'), mood: data.get('mood') }
      const saved = await (opened?.date === written.date
        ? send<Entry>('PUT', `${DIARIES}/${opened.id}`, written)
        : send<Entry>('POST', DIARIES, written))
      opened = saved
      // The entry is there even when its photo is refused.
      await addPhoto(saved, data.get('photo')).finally(view.load)
    },
  })
  date.value = dayOf(new Date())

  return {
    load: () => Promise.all([view.load(), tryToOpen()]),
    render() {
      view.render()
      render()
    },
  }
}

import { explain } from './api.ts'
import { element } from './dom.ts'
import { text } from './language.ts'
import type { TextKey } from './texts.ts'

interface ViewOptions<T> {
  read: () => Promise<T[]>
  show: (items: T[]) => Node[]
  empty: TextKey
}

/** A list that says what it is doing: loading, empty, refused (with a way to try again) or there. */
export function createView<T>(box: HTMLElement, { read, show, empty }: ViewOptions<T>) {
  let items: T[] | undefined
  let refusal: unknown
  let latest = 0

  function content(): Node[] {
    if (refusal !== undefined) {
      const again = element('button', { type: 'button', class: 'quiet' }, text('retry'))
      again.addEventListener('click', () => void load())
      return [element('p', { class: 'problem', role: 'alert' }, explain(refusal)), again]
    }
    if (items === undefined) return [element('p', { class: 'loading', role: 'status' }, text('loading'))]
    if (items.length === 0) return [element('p', { class: 'empty' }, text(empty))]
    return show(items)
  }

  const render = () => box.replaceChildren(...content())

  async function load(): Promise<void> {
    const mine = ++latest
    box.setAttribute('aria-busy', 'true')
    try {
      const found = await read()
      // A slow answer to an earlier question must not cover the answer to the last one.
      if (mine !== latest) return
      items = found
      refusal = undefined
    } catch (error) {
      if (mine !== latest) return
      refusal = error
    }
    box.setAttribute('aria-busy', 'false')
    render()
  }

  return {
    load,
    render,
    /** Forgets what is shown, for a question that is quite another one. */
    clear() {
      items = undefined
      refusal = undefined
      render()
    },
  }
}

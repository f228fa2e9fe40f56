import { explain, faultyFields } from './api.ts'
import { find } from './dom.ts'
import { text } from './language.ts'
import type { TextKey } from './texts.ts'

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

interface FormOptions {
  /** @throws what `explain` can explain */
  send: (data: FormData) => Promise<void>
  done: TextKey
}

/** A form that cannot be sent twice at once, and says under it how the sending went. */
export function createForm(form: HTMLFormElement, { send, done }: FormOptions) {
  const notice = find<HTMLElement>('.notice', form)
  const button = find<HTMLButtonElement>('button[type=submit]', form)
  const id = `${form.id}-notice`
  notice.id = id
  let message = () => ''

  function say(kind: 'working' | 'done' | 'problem', what: () => string): void {
    notice.dataset.kind = kind
    message = what
    notice.textContent = message()
  }

  /** Marks the fields that the refusal names, and leads to the first of them. */
  function mark(names: readonly string[]): void {
    for (const field of form.querySelectorAll<Field>('[name]')) {
      const faulty = names.includes(field.name)
      field.setAttribute('aria-invalid', String(faulty))
      if (faulty) field.setAttribute('aria-describedby', id)
      else field.removeAttribute('aria-describedby')
    }
    form.querySelector<Field>('[aria-invalid=true]')?.focus()
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (button.disabled) return
    button.disabled = true
    mark([])
    say('working', () => text('sending'))
    send(new FormData(form))
      .then(
        () => say('done', () => text(done)),
        (error: unknown) => {
          say('problem', () => explain(error))
          mark(faultyFields(error))
        },
      )
      .finally(() => (button.disabled = false))
  })

  return { render: () => (notice.textContent = message()) }
}

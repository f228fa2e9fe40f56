import type { TextKey } from './texts.ts'
import { TEXTS } from './texts.ts'

export type Language = 'ko' | 'en'

const STORED = 'najimban.language'
const isLanguage = (value: unknown): value is Language => value === 'ko' || value === 'en'

function preferred(): Language {
  const stored = localStorage.getItem(STORED)
  if (isLanguage(stored)) return stored
  return navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en'
}

let current: Language = preferred()

/** The language that the page is in, as a BCP 47 tag for `Intl`. */
export const language = (): Language => current

export const text = (key: TextKey): string => TEXTS[key][current === 'ko' ? 0 : 1]

/** A word of the server's in this language, or as it is when the page does not know it yet. */
export const wordOf = (word: string): string => (word in TEXTS ? text(word as TextKey) : word)

const each = (selector: string, change: (element: HTMLElement) => void) =>
  document.querySelectorAll<HTMLElement>(selector).forEach(change)

function translate(): void {
  document.documentElement.lang = current
  document.title = `${text('title')} · ${text('subtitle')}`
  each('[data-text]', (element) => (element.textContent = text(element.dataset.text as TextKey)))
  each('[data-label]', (element) => element.setAttribute('aria-label', text(element.dataset.label as TextKey)))
  each('[data-placeholder]', (element) =>
    element.setAttribute('placeholder', text(element.dataset.placeholder as TextKey)),
  )
  each('[data-language]', (element) =>
    element.setAttribute('aria-pressed', String(element.dataset.language === current)),
  )
}

/** Fills in every text of the page and makes the switch work; `changed` redraws what was drawn from data. */
export function startLanguage(changed: () => void): void {
  translate()
  each('[data-language]', (button) =>
    button.addEventListener('click', () => {
      current = isLanguage(button.dataset.language) ? button.dataset.language : current
      localStorage.setItem(STORED, current)
      translate()
      changed()
    }),
  )
}

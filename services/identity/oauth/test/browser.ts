/** A browser without scripts: cookies by path, forms, redirects and the `Refresh` field. */

export interface Form {
  action: string
  /** Names and values of everything but buttons. */
  fields: Record<string, string>
  /** Names and values of its buttons, in their order. */
  buttons: { name: string; value: string }[]
}

export interface Page {
  status: number
  url: URL
  headers: Headers
  text: string
  title: string
  forms: Form[]
}

interface Cookie {
  name: string
  value: string
  path: string
}

export type Send = (url: URL, init: RequestInit) => Promise<Response>

const REDIRECTS_MAX = 10
const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }

const unescape = (text: string) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] as string)

function attributesOf(tag: string): Record<string, string> {
  const found = [...tag.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, name, value]) => [name, unescape(value ?? '')])
  return Object.fromEntries(found) as Record<string, string>
}

function formsOf(text: string): Form[] {
  return [...text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, tag = '', content = '']) => {
    const inputs = [...content.matchAll(/<input\b([^>]*)>/g)].map(([, input = '']) => attributesOf(input))
    const buttons = [...content.matchAll(/<button\b([^>]*)>/g)].map(([, button = '']) => attributesOf(button))
    const sent = inputs.filter(({ type }) => type !== 'checkbox')
    return {
      action: attributesOf(tag).action as string,
      fields: Object.fromEntries(sent.map(({ name = '', value = '' }) => [name, value])),
      buttons: buttons.map(({ name = '', value = '' }) => ({ name, value })),
    }
  })
}

/** @param origin what the browser takes this site for; where it leads elsewhere, it stops */
export function createBrowser(origin: string, send: Send, language = 'en') {
  let jar: Cookie[] = []

  function take(url: URL, headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...parameters] = line.split(';').map((part) => part.trim())
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      const path = parameters.find((parameter) => /^path=/i.test(parameter))?.slice(5) ?? url.pathname
      jar = jar.filter((cookie) => cookie.name !== name || cookie.path !== path)
      if (value !== '') jar.push({ name, value, path })
    }
  }

  const cookiesFor = ({ pathname }: URL) =>
    jar
      .filter(({ path }) => path === '/' || pathname === path || pathname.startsWith(`${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')

  /** One request; without following anything. */
  async function ask(url: URL, init: RequestInit = {}): Promise<Page> {
    const response = await send(url, {
      ...init,
      headers: {
        accept: 'text/html',
        'accept-language': language,
        cookie: cookiesFor(url),
        ...(init.headers as Record<string, string>),
      },
    })
    take(url, response.headers)
    const text = await response.text()
    const title = unescape(/<title>([^<]*)</.exec(text)?.[1] ?? '')
    return { status: response.status, url, headers: response.headers, text, title, forms: formsOf(text) }
  }

  /** Goes on while the site leads on; the last page, or the one that leads away. */
  async function follow(first: Page): Promise<Page> {
    let page = first
    for (let i = 0; i < REDIRECTS_MAX; i++) {
      const target = page.headers.get('location') ?? page.headers.get('refresh')?.replace(/^0; url=/, '')
      if (target === undefined) return page
      const url = new URL(target, page.url)
      if (url.origin !== origin) return page
      page = await ask(url)
    }
    throw new Error('too many redirects')
  }

  return {
    ask,
    follow,
    cookies: () => jar,
    async open(url: string | URL): Promise<Page> {
      return follow(await ask(new URL(url, origin)))
    },
    /** Sends a form of a page: its hidden fields, what the person filled in, and the button that was pressed. */
    async submit(page: Page, filled: Record<string, string> = {}, index = 0): Promise<Page> {
      const form = page.forms[index]
      if (form === undefined) throw new Error(`there is no such form on ${page.url}: ${page.status} ${page.title}`)
      const body = new URLSearchParams({ ...form.fields, ...filled })
      return follow(await ask(new URL(form.action, page.url), { method: 'POST', body }))
    },
  }
}

export type Browser = ReturnType<typeof createBrowser>

/** Where a page leads that leads away. */
export function leavesFor(page: Page): URL {
  const target = page.headers.get('location') ?? page.headers.get('refresh')?.replace(/^0; url=/, '')
  if (target === undefined) throw new Error(`${page.status} ${page.title} leads nowhere`)
  return new URL(target)
}

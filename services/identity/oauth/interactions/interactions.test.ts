import t from 'tap'
import { leavesFor, type Browser, type Page } from '../test/browser.ts'
import { CALLBACK, oauth, type OAuth } from '../test/oauth.ts'

/** A browser on the sign-in page of an application. */
async function atSignIn(service: OAuth, more: Record<string, string> = {}, language?: string) {
  const client = await service.register()
  const library = await service.libraryFor(client)
  const window = service.browser(language)
  const { url, checks } = await service.authorization(library, more)
  return { client, library, window, checks, url, page: await window.open(url) }
}

const session = (window: Browser) => window.cookies().find(({ name }) => name === 'najimban-oauth')?.value

t.test('a wrong password and an address that nobody has read the same', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const { window, page } = await atSignIn(service)
  const wrong = await window.submit(page, { email: person.email, password: 'not this' })
  const unknown = await window.submit(wrong, { email: 'nobody@example.com', password: 'not this' })
  for (const refused of [wrong, unknown]) {
    t.equal(refused.status, 401)
    t.match(refused.text, /E-mail or password is wrong/)
  }
  t.equal(wrong.text.replaceAll(person.email, ''), unknown.text.replaceAll('nobody@example.com', ''))
  t.notMatch(wrong.text, /not this/)
  t.equal(wrong.forms[0]?.fields.email, person.email, 'what was typed stays, but not the password')
  t.match((await service.signIn(window, unknown, person)).title, /Allow/)
})

t.test('who is not approved is told so, after the right password only', async (t) => {
  const service = await oauth(t)
  for (const [state, text] of [
    ['pending', /not approved yet/],
    ['suspended', /is suspended/],
    ['rejected', /was not approved/],
  ] as const) {
    const person = await service.signedUp({ state })
    const { window, page } = await atSignIn(service)
    const wrong = await window.submit(page, { email: person.email, password: 'not this' })
    t.equal(wrong.status, 401)
    t.notMatch(wrong.text, text)
    const right = await service.signIn(window, wrong, person)
    t.equal(right.status, 403)
    t.match(right.text, text)
  }
  const person = await service.signedUp()
  service.accounts.leave(person.user, 'default' as never)
  const { window, page } = await atSignIn(service)
  const refused = await service.signIn(window, page, person)
  t.equal(refused.status, 403)
  t.match(refused.text, /belongs to no organisation/)
})

t.test('guessing passwords is slowed down on the page, too', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const { window, page } = await atSignIn(service)
  let last: Page = page
  for (let i = 0; i < 30 && last.status !== 429; i++) {
    last = await window.submit(page, { email: person.email, password: `guess ${i}` })
  }
  t.equal(last.status, 429)
  t.match(last.headers.get('retry-after'), /^\d+$/)
  t.match(last.text, /Too many attempts/)
  t.equal((await service.signIn(window, last, person)).status, 429)
})

t.test('who says no, or leaves, is led back with access_denied', async (t) => {
  const service = await oauth(t)
  const { window, page } = await atSignIn(service)
  const left = leavesFor(await window.submit(page, {}, 1))
  t.equal(left.origin + left.pathname, CALLBACK)
  t.equal(left.searchParams.get('error'), 'access_denied')

  const second = await atSignIn(service)
  const consent = await service.signIn(second.window, second.page, await service.signedUp())
  const denied = leavesFor(await second.window.submit(consent, { decision: 'deny' }))
  t.equal(denied.searchParams.get('error'), 'access_denied')
  t.equal(denied.searchParams.get('state'), second.checks.expectedState)
  t.equal(denied.searchParams.get('code'), null)
})

t.test('consent says in words what is asked for, in the language of the person or the application', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const scope = 'openid email calendar:write'
  for (const [more, language, text, title] of [
    [{}, 'ko-KR,ko;q=0.9,en;q=0.5', '일정, 할 일, 태그 추가, 변경, 삭제', /달력 앱의 접근을 허용할까요/],
    [{}, 'de,en;q=0.8', 'Add, change and delete events', /Allow 달력 앱/],
    [{ ui_locales: 'fr ko' }, 'en', '일정, 할 일, 태그 추가, 변경, 삭제', /허용/],
  ] as const) {
    const { window, page } = await atSignIn(service, { scope, ...more }, language)
    const consent = await service.signIn(window, page, person)
    t.match(consent.text, text)
    t.match(consent.title, title)
    t.match(consent.text, person.email)
    t.match(consent.text, 'app.example')
  }
  const { window, page } = await atSignIn(service)
  const korean = await window.open(`${page.url.pathname}?lang=ko`)
  t.match(korean.text, /<html lang="ko">/)
  t.match((await service.signIn(window, korean, person)).text, /<html lang="ko">/, 'what was chosen stays')
})

t.test('pages run nothing, load nothing, and cannot be framed; names are text', async (t) => {
  const service = await oauth(t)
  const client = await service.register({ name: '<script>alert(1)</script>' })
  const library = await service.libraryFor(client)
  const window = service.browser()
  const { url } = await service.authorization(library, { login_hint: '"><script>@x' })
  const page = await window.open(url)
  const consent = await service.signIn(window, page, await service.signedUp())
  for (const shown of [page, consent]) {
    const policy = shown.headers.get('content-security-policy') ?? ''
    t.match(policy, /default-src 'none'/)
    t.match(policy, /form-action 'self';/)
    t.match(policy, /frame-ancestors 'none'/)
    t.notMatch(policy, /script-src|unsafe/)
    t.equal(shown.headers.get('x-frame-options'), 'DENY')
    t.equal(shown.headers.get('cache-control'), 'no-store')
    t.notMatch(shown.text, /<script/)
  }
})

t.test('an interaction belongs to the browser that began it', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const { page } = await atSignIn(service)
  const other = service.browser()
  const stolen = await other.open(page.url)
  t.equal(stolen.status, 400)
  t.match(stolen.text, /too old or was finished/)
  const sent = await service.signIn(other, page, person)
  t.equal(sent.status, 400)
  t.same(other.cookies(), [], 'a form of another site carries no cookie, and signs nobody in')
  const unknown = await other.open('/oauth/interaction/unknown')
  t.equal(unknown.status, 400)
})

t.test('a session that somebody planted is another one after the sign-in', async (t) => {
  const service = await oauth(t)
  const attacker = await atSignIn(service)
  await attacker.window.open('/oauth/device')
  const planted = session(attacker.window)
  t.ok(planted, 'a session without an account')

  const window = service.browser()
  window.cookies().push(...attacker.window.cookies().filter(({ path }) => path === '/'))
  t.equal(session(window), planted)
  const page = await window.open(attacker.url)
  const consent = await service.signIn(window, page, await service.signedUp())
  t.match(consent.title, /Allow/)
  t.ok(session(window))
  t.not(session(window), planted)
  const again = await attacker.window.open(attacker.url)
  t.match(again.title, /Sign in/, 'who planted it is not signed in')
})

t.test('over https, cookies belong to this very host, and no script reads them', async (t) => {
  const service = await oauth(t, { PUBLIC_URL: 'https://home.example' })
  const { id } = await service.register()
  const query = new URLSearchParams({
    client_id: id,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  })
  const device = await service.call('GET', '/oauth/device')
  const begun = await service.call('GET', `/oauth/auth?${query.toString()}`)
  t.match(begun.headers.location, /^\/oauth\/interaction\/[\w-]+$/)
  const cookies = [...device.cookies, ...begun.cookies] as unknown as Record<string, unknown>[]
  t.same(
    [...new Set(cookies.map(({ name }) => String(name).replace('.sig', '')))].sort(),
    ['__Host-najimban-oauth', '__Secure-najimban-oauth-interaction', '__Secure-najimban-oauth-resume'].sort(),
  )
  for (const cookie of cookies) {
    t.match(cookie, { secure: true, httpOnly: true, sameSite: /lax/i })
    if (String(cookie.name).startsWith('__Host-')) t.match(cookie, { path: '/' })
  }
})

t.test('somebody else can sign in instead: the one before is signed out', async (t) => {
  const service = await oauth(t)
  const [first, second] = [await service.signedUp(), await service.signedUp()]
  const { window, page, url } = await atSignIn(service)
  const consent = await service.signIn(window, page, first)
  t.match(consent.text, first.email)
  const other = await window.open(`${consent.url.pathname}?login=other`)
  const leave = await service.signIn(window, other, second)
  t.match(leave.title, /Sign out/)
  const asked = await window.submit(leave, { logout: 'yes' })
  t.match(asked.text, second.email)
  t.notMatch(asked.text, first.email)
  const back = leavesFor(await service.allow(window, asked))
  t.ok(back.searchParams.get('code'))
  t.ok(leavesFor(await window.open(url)).searchParams.get('code'), 'and stays signed in')
})

t.test('who is signed out everywhere, suspended or gone signs in anew', async (t) => {
  const service = await oauth(t)
  const client = await service.register()
  const person = await service.signedUp()
  const signed = await service.signedIn(person)
  const { library, window, tokens } = await service.allowed(client, person)
  const again = async () => window.open((await service.authorization(library)).url)
  t.ok(leavesFor(await again()).searchParams.get('code'))

  const ended = await service.call('DELETE', '/api/auth/sessions', { as: signed.as })
  t.ok(ended.status < 300, ended.text)
  const page = await again()
  t.match(page.title, /Sign in/)
  t.equal(await service.verifyToken(tokens.access_token), undefined, 'what lived as long as the sign-in is over')

  await service.signIn(window, page, person)
  service.accounts.update(person.user, { state: 'suspended' })
  const suspended = await again()
  t.match(suspended.title, /Sign in/)
  t.equal((await service.signIn(window, suspended, person)).status, 403)
})

t.test('a password that was right before everything was ended does not sign in after it', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const signed = await service.signedIn(person)
  const { window, page } = await atSignIn(service)
  const [form] = page.forms
  const body = new URLSearchParams({ ...form?.fields, email: person.email, password: person.password })
  const waiting = await window.ask(new URL(form?.action as string, page.url), { method: 'POST', body })
  t.match(waiting.headers.get('refresh'), /\/oauth\/auth\//, 'only the way back to the application is missing')
  await service.call('DELETE', '/api/auth/sessions', { as: signed.as })
  t.match(await window.follow(waiting), { status: 400 })
})

t.test('an application can ask without a page, or for a fresh sign-in', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const silent = await atSignIn(service, { prompt: 'none' })
  t.equal(leavesFor(silent.page).searchParams.get('error'), 'login_required')

  const { library, window } = await service.allowed(await service.register(), person)
  const ask = async (more: Record<string, string>) => window.open((await service.authorization(library, more)).url)
  t.ok(leavesFor(await ask({ prompt: 'none' })).searchParams.get('code'))
  const more = { scope: 'openid calendar:read', prompt: 'none' }
  t.equal(leavesFor(await ask(more)).searchParams.get('error'), 'consent_required')
  const fresh = await ask({ prompt: 'login', login_hint: person.email })
  t.match(fresh.title, /Sign in/)
  t.equal(fresh.forms[0]?.fields.email, person.email)
  t.ok(leavesFor(await service.signIn(window, fresh, person)).searchParams.get('code'))
})

t.test('a request that fits no page is refused on one', async (t) => {
  const service = await oauth(t)
  const { window, page } = await atSignIn(service)
  const forged = await window.ask(page.url, {
    method: 'POST',
    body: new URLSearchParams({ step: 'consent', decision: 'allow' }),
  })
  t.match(forged.title, /Sign in/, 'there is nothing to allow yet')
  const unknown = await window.ask(page.url, { method: 'POST', body: new URLSearchParams({ step: 'root' }) })
  t.equal(unknown.status, 400)
  const json = await window.ask(page.url, {
    method: 'POST',
    body: JSON.stringify({ step: 'cancel' }),
    headers: { 'content-type': 'text/plain' },
  })
  t.equal(json.status, 415)
})

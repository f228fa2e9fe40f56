import t from 'tap'
import type { Test } from 'tap'
import { as, identity, type Identity } from '../../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'

const NEW = '새로운 비밀번호 77'

async function withMail(t: Test, env: Record<string, string> = {}) {
  const box = await mailbox(t)
  return { box, service: await identity(t, { ...box.env, ...env }) }
}

/** A page as a browser without script gets it. */
const open = ({ app }: Identity, url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { ...as(), 'accept-language': 'ko-KR,ko;q=0.9,en;q=0.5', ...headers } })

/** Sends a page's form, as it is, with what the person typed. */
function send({ app }: Identity, page: string, typed: Record<string, string> = {}, headers = {}) {
  const unescape = (text: string) => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"')
  const action = unescape(/<form method="post" action="([^"]*)"/.exec(page)?.[1] ?? '')
  const hidden = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  const fields = new URLSearchParams({
    ...Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, unescape(value)])),
    ...typed,
  })
  return app.inject({
    method: 'POST',
    url: action,
    payload: fields.toString(),
    headers: { ...as(), 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
}

async function signedUp({ call }: Identity, email = 'new@example.com') {
  await call('POST', '/api/auth/signup', { body: { email, name: 'N', password: 'some good password' } })
  return email
}

t.test('a link of a mail opens a page, opening it uses nothing up, and its button confirms', async (t) => {
  const { box, service } = await withMail(t)
  const email = await signedUp(service)
  const token = await box.token(email)
  for (let i = 0; i < 3; i++) {
    const page = await open(service, `/account/verify?token=${token}`)
    t.equal(page.statusCode, 200)
    t.match(page.headers['content-type'], 'text/html; charset=utf-8')
  }
  t.equal(service.accounts.byEmail(email)?.state, 'pending', 'scanners of mails open links')
  const page = await open(service, `/account/verify?token=${token}`)
  t.match(page.body, '이메일 주소 확인')
  t.match(page.body, email)
  const done = await send(service, page.body)
  t.equal(done.statusCode, 200)
  t.match(done.body, '확인되었습니다')
  t.equal(service.accounts.byEmail(email)?.state, 'approved')
  const again = await send(service, page.body)
  t.equal(again.statusCode, 410)
  t.match(again.body, '사용할 수 없는 링크')
  t.equal((await open(service, `/account/verify?token=${token}`)).statusCode, 410)
})

t.test('a person whom an administrator has to let in is told so', async (t) => {
  const { box, service } = await withMail(t, { SIGNUP: 'approval' })
  const email = await signedUp(service)
  const page = await open(service, `/account/verify?token=${await box.token(email)}&lang=en`)
  t.match((await send(service, page.body)).body, 'an administrator has approved')
})

t.test('a new password is chosen without script; faults are named and use nothing up', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  await service.call('POST', '/api/auth/password/forgot', { body: { email: person.email } })
  const token = await box.token(person.email)
  const page = await open(service, `/account/reset?token=${token}`)
  t.equal(page.statusCode, 200)
  t.match(page.body, `value="${person.email}"`)
  t.match(page.body, 'autocomplete="username"')
  t.match(page.body, 'autocomplete="new-password"')
  for (const [password, repeat, text] of [
    ['password', 'password', '너무 흔한'],
    ['short', 'short', '길이'],
    [person.email, person.email, '이메일 주소를'],
    [NEW, `${NEW}!`, '서로 다릅니다'],
    ['', '', '길이'],
  ] as const) {
    const refused = await send(service, page.body, { password, repeat })
    t.equal(refused.statusCode, 400, text)
    t.match(refused.body, text)
    t.match(refused.body, '<title>오류: ')
    t.match(refused.body, 'aria-invalid="true"')
    if (password !== '') t.notMatch(refused.body, `value="${password}"`.replace(person.email, 'x'), 'no password in it')
  }
  const done = await send(service, page.body, { password: NEW, repeat: NEW })
  t.equal(done.statusCode, 200)
  t.match(done.body, '저장되었습니다')
  const login = { email: person.email, password: NEW }
  t.equal((await service.call('POST', '/api/auth/login', { body: login })).status, 200)
  t.equal((await send(service, page.body, { password: NEW, repeat: NEW })).statusCode, 410)
  t.equal((await open(service, `/account/reset?token=${token}`)).statusCode, 410)
})

t.test('both pages are in the language that is chosen, and stay in it', async (t) => {
  const { box, service } = await withMail(t)
  const person = await service.signedUp()
  await service.call('POST', '/api/auth/password/forgot', { body: { email: person.email } })
  const token = await box.token(person.email)
  const english = await open(service, `/account/reset?token=${token}&lang=en`)
  t.match(english.body, '<html lang="en">')
  t.match(english.body, `href="/account/reset?token=${token}&amp;lang=ko" lang="ko"`)
  t.match((await send(service, english.body, { password: 'x', repeat: 'x' })).body, 'has not the right length')
  const browser = await open(service, `/account/reset?token=${token}`, { 'accept-language': 'fr,en;q=0.3' })
  t.match(browser.body, 'Choose a new password')
  t.match(browser.headers.vary, /accept-language/i)
})

t.test('nothing about a page can be kept, framed, run or passed on', async (t) => {
  const { service } = await withMail(t)
  const evil = encodeURIComponent(`"><script>alert(1)</script>`)
  for (const url of [
    '/account/verify',
    '/account/reset',
    `/account/verify?token=${evil}`,
    `/account/reset?lang=${evil}`,
  ]) {
    const { headers, body, statusCode } = await open(service, url)
    t.equal(statusCode, 410)
    t.match(headers['content-security-policy'], /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/)
    t.match(headers, {
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    })
    t.equal(headers.etag, undefined)
    t.notMatch(body, '<script')
  }
})

t.test('what is no form is refused, and a refusal is a page, too', async (t) => {
  const { service } = await withMail(t)
  const post = (payload: string | Buffer, type = 'application/x-www-form-urlencoded') =>
    service.app.inject({ method: 'POST', url: '/account/verify', payload, headers: { ...as(), 'content-type': type } })
  for (const [answer, status] of [
    [await post('<a/>', 'text/xml'), 415],
    [await post(Buffer.from([0x61, 0xff])), 400],
    [await post(Array.from({ length: 60 }, (_, i) => `a${i}=1`).join('&')), 400],
    [await post(`token=${'x'.repeat(5000)}`), 400],
    [await post('token=x&token=y&__proto__=1&constructor=2'), 410],
    [await post('{"token":"x"}', 'application/json'), 410],
    [await post(''), 410],
  ] as const) {
    t.equal(answer.statusCode, status)
    t.match(answer.headers['content-type'], 'text/html')
    t.match(answer.body, '<html lang="en">')
  }
})

t.test('an address that somebody else has got by now is not taken from them', async (t) => {
  const { box, service } = await withMail(t)
  const [person, other] = [await service.signedUp(), await service.signedUp()]
  await service.call('PUT', '/api/auth/me/email', {
    body: { email: 'free@example.com', password: person.password },
    as: person,
  })
  const page = await open(service, `/account/verify?token=${await box.token('free@example.com')}`)
  service.accounts.update(other.user, { email: 'free@example.com' })
  const done = await send(service, page.body)
  t.equal(done.statusCode, 409)
  t.match(done.body, '다른 계정이')
})

t.test('when the machine is busy the page says so', async (t) => {
  const { box, service } = await withMail(t, { PASSWORD_HASHES_AT_ONCE: '1', PASSWORD_HASHES_WAITING: '0' })
  const person = await service.signedUp()
  await service.call('POST', '/api/auth/password/forgot', { body: { email: person.email } })
  const page = await open(service, `/account/reset?token=${await box.token(person.email)}`)
  const answers = await Promise.all([1, 2, 3].map(() => send(service, page.body, { password: NEW, repeat: NEW })))
  const busy = answers.find(({ statusCode }) => statusCode === 503)
  t.match(busy?.body, '잠시 후 다시')
  t.equal(busy?.headers['retry-after'], '1')
})

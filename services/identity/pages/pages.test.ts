import { hash } from 'node:crypto'
import t from 'tap'
import { button, field, form, notice } from './form.ts'
import { renderPage } from './page.ts'

t.test('whatever is put into a form is text', async (t) => {
  const evil = `"><script>alert('1')</script>&`
  for (const made of [
    field({ name: 'a', label: evil, value: evil, hint: evil, fault: evil }),
    button(evil, { name: evil, value: evil }),
    form(`/x?${evil}`, { a: evil }, evil),
    notice('bad', evil),
  ]) {
    t.notMatch(made.text, '<script')
    t.notMatch(made.text, '"">')
  }
})

t.test('a field is named, described and marked for those who hear it', async (t) => {
  const { text } = field({ name: 'code', label: 'Code', look: 'code', inputmode: 'numeric', hint: 'h', fault: 'f' })
  t.match(text, '<label for="code">Code</label>')
  t.match(text, /aria-invalid="true" aria-describedby="code-hint code-fault"/)
  t.match(text, /inputmode="numeric" required/)
  t.notMatch(field({ name: 'a', label: 'A', optional: true }).text, /required|aria-/)
  t.match(notice('bad', 'x').text, 'role="alert"')
  t.match(notice('good', 'x').text, 'role="status"')
  t.match(button('x', { name: 'n', quiet: true }).text, /name="n" value="" class="quiet"|class="quiet"/)
})

t.test('a page allows its own style sheet and nothing else, and says so by a hash of that very text', async (t) => {
  const { headers, text } = renderPage({ language: 'ko', title: '제목', body: '<b>', url: '/a?token=x&lang=ko' })
  const [, style = ''] = /<style>([^]*)<\/style>/.exec(text) ?? []
  t.match(headers['content-security-policy'], `style-src 'sha256-${hash('sha256', style, 'base64')}'`)
  t.match(
    headers['content-security-policy'],
    /^default-src 'none'; .*form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
  )
  t.match(headers, { 'referrer-policy': 'no-referrer', 'cache-control': 'no-store', 'content-language': 'ko' })
  t.notMatch(text, /<script|style="|javascript:|\son\w+=/)
  t.match(text, '<html lang="ko">')
  t.match(text, 'href="/a?token=x&amp;lang=en" lang="en"')
  t.match(text, '&lt;b&gt;')
})

t.test('a page that was sent a form has no address in another language, and names its fault first', async (t) => {
  const { headers, text } = renderPage({
    language: 'en',
    title: 'T',
    body: 'b',
    fault: 'Error',
    formTargets: ['https://app.example'],
  })
  t.match(text, '<title>Error: T - Najimban</title>')
  t.notMatch(text, 'lang="ko"')
  t.match(headers['content-security-policy'], "form-action 'self' https://app.example;")
})

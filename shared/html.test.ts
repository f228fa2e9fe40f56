import t from 'tap'
import { escapeHtml, html } from './html.ts'

t.test('whatever is put into a template is text, except what a template made', async (t) => {
  const evil = `"><script>alert('1')</script>&`
  t.equal(escapeHtml(evil), '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;')
  t.equal(html`<a title="${evil}">${evil}</a>`.text.includes('<script'), false)
  t.equal(html`<p>${html`<b>${1}</b>`}${['a', html`<i></i>`]}${undefined}${false}</p>`.text, '<p><b>1</b>a<i></i></p>')
})

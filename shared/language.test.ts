import t from 'tap'
import { languageOf, languageOfLocale } from './language.ts'

t.test('the language is the chosen one, else the first that the browser wants and there is', async (t) => {
  for (const [lang, accept, expected] of [
    ['ko', 'en', 'ko'],
    ['en', 'ko', 'en'],
    ['fr', 'ko-KR,ko;q=0.9', 'ko'],
    [undefined, 'fr, en;q=0.1, ko;q=0.9', 'ko'],
    [undefined, 'ko;q=0, en;q=0.2', 'en'],
    [undefined, 'KO-kr', 'ko'],
    [undefined, 'de', 'en'],
    [undefined, ';;q=x,,', 'en'],
    [['ko', 'en'], 'en', 'en'],
  ] as const) {
    t.equal(languageOf({ 'accept-language': accept }, { lang }), expected, `${String(lang)} ${accept}`)
  }
  t.equal(languageOf({}, undefined), 'en')
  t.equal(languageOfLocale('ko-KR'), 'ko')
  t.equal(languageOfLocale('kok'), 'en')
})

import { createHash } from 'node:crypto'
import { type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { openChromium, withoutChromium } from '#shared/test/chromium.ts'
import { until } from '#shared/test/until.ts'
import { startSystem } from '../../scripts/test/system.ts'
import { largePhoto } from './test/photo.ts'
import { runExample, spawnExample } from './test/run-example.ts'

const TIMEOUT_MS = 110_000
const WAIT_MS = 20_000
const SEOUL = { locale: 'ko-KR', timezoneId: 'Asia/Seoul' }
/** Today, to the browser: the same month in every zone. */
const TODAY = Temporal.PlainDate.from('2026-11-15')

/** The discard port: nothing answers there. */
const NOBODY = 'http://127.0.0.1:9'

t.setTimeout(TIMEOUT_MS)

/** A page of a new profile, and everything about it that went wrong so far. */
async function openPage(t: Test, browser: Browser, url: string, options: BrowserContextOptions) {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  await page.clock.setFixedTime(TODAY.toZonedDateTime({ timeZone: 'UTC', plainTime: '12:00' }).epochMilliseconds)
  const faults: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('requestfailed', (request) => faults.push(`${request.url()} ${request.failure()?.errorText}`))
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`)
  })
  await page.goto(url)
  return { page, faults }
}

/** Only when nothing is under way: a request that a reload cuts off would count as failed. */
async function reload(page: Page) {
  await page.waitForLoadState('networkidle')
  await page.reload()
}

async function addEvent(page: Page, { title, start, end }: { title: string; start: string; end: string }) {
  const form = page.locator('#new-event')
  await form.locator('[name=start_time]').fill(start)
  await form.locator('[name=end_time]').fill(end)
  await form.locator('[name=title]').fill(title)
  await form.locator('[name=title]').press('Enter')
}

t.test('in a real browser', { skip: withoutChromium }, async (t) => {
  const system = await startSystem(t)
  const example = await runExample(t, { GATEWAY_URL: system.gateway })
  const browser = await openChromium(t)
  const open = (t: Test, options: BrowserContextOptions = SEOUL) => openPage(t, browser, example.url, options)
  const api = async <T>(path: string) => (await (await fetch(system.gateway + path)).json()) as T

  t.test('a fresh system shows an empty month, diary and list of reports', async (t) => {
    const { page, faults } = await open(t)
    await page.locator('.empty').nth(2).waitFor()
    t.equal(await page.locator('.empty').count(), 3)
    t.same(faults, [])
  })

  t.test('a Korean event, composed or decomposed, is in the month list at its local time', async (t) => {
    const { page, faults } = await open(t)
    for (const [form, start, end, shown] of [
      ['NFC', '09:30', '10:00', /^09:30.10:00$/],
      ['NFD', '23:10', '23:50', /^23:10.23:50$/],
    ] as const) {
      const title = `할머니 생신 잔치 🎂 ${form}`.normalize(form)
      await addEvent(page, { title, start: `${TODAY}T${start}`, end: `${TODAY}T${end}` })
      await page.locator('#new-event .notice[data-kind=done]').waitFor()
      const event = page.locator('.event', { hasText: form })
      await event.waitFor()
      t.equal(await event.locator('.title').textContent(), title, 'letter for letter as it was typed')
      t.match((await event.locator('time').textContent())?.replace(/\s/g, ''), shown)
      t.equal(await page.locator('.row', { has: event }).locator('.number').textContent(), '15')
      const { data } = await api<{ data: { title: string; start_at: string }[] }>('/api/calendar/events')
      const stored = data.find((each) => each.title === title)
      const at = Temporal.PlainDateTime.from(`${TODAY}T${start}`).toZonedDateTime('Asia/Seoul').toInstant()
      t.equal(stored && Temporal.Instant.from(stored.start_at).equals(at), true, `${stored?.start_at} is that instant`)
    }
    t.equal(await page.locator('.row').count(), 1, 'one heading for the day')
    t.same(faults, [])
  })

  t.test('somebody in another zone sees the same event at the time it is there', async (t) => {
    const { page, faults } = await open(t, { locale: 'en-US', timezoneId: 'America/New_York' })
    const event = page.locator('.event', { hasText: 'NFC' })
    await event.waitFor()
    const there = TODAY.toZonedDateTime({ timeZone: 'Asia/Seoul', plainTime: '09:30' }).withTimeZone('America/New_York')
    t.match(await event.locator('time').textContent(), there.toPlainTime().toString({ smallestUnit: 'minute' }))
    t.equal(await page.locator('.row', { has: event }).locator('.number').textContent(), '14')
    await addEvent(page, { title: 'Jazz', start: `${TODAY}T20:00`, end: `${TODAY}T22:00` })
    await page
      .locator('.event', { hasText: 'Jazz' })
      .getByText(/^20:00.+22:00$/)
      .waitFor()
    const jazz = (await api<{ data: { title: string; time_zone: string }[] }>('/api/calendar/events')).data
    t.equal(jazz.find(({ title }) => title === 'Jazz')?.time_zone, 'America/New_York', 'what they add is in their zone')
    t.same(faults, [])
  })

  t.test('months can be turned, and a new event brings its own month', async (t) => {
    const { page, faults } = await open(t, { ...SEOUL, locale: 'en-US' })
    const name = (by: number) =>
      TODAY.add({ months: by }).toLocaleString('en-US', {
        year: 'numeric',
        month: 'long',
        calendar: 'gregory',
      })
    const month = page.locator('#calendar .month')
    await page.getByRole('button', { name: 'Next month' }).press('Enter')
    t.equal(await month.textContent(), name(1))
    await page.locator('#events .empty').waitFor()
    await page.getByRole('button', { name: 'This month' }).click()
    t.equal(await month.textContent(), name(0))
    const day = TODAY.add({ months: 3 })
    await page.getByLabel('All day').check()
    await addEvent(page, { title: '가족 여행', start: `${day}T00:00`, end: `${day.add({ days: 2 })}T00:00` })
    const shown = await page.locator('.event', { hasText: '가족 여행' }).locator('time').textContent()
    t.match(shown, / 15\D+17$/)
    t.equal(await month.textContent(), name(3))
    t.same(faults, [])
  })

  t.test('a report that is sent is in the list of the latest', async (t) => {
    const { page, faults } = await open(t)
    for (const [severity, shown] of [
      ['info', '정보'],
      ['block', '차단'],
    ] as const) {
      await page.getByLabel('심각도').selectOption(severity)
      await page.getByRole('button', { name: '예시 리포트 보내기' }).click()
      await page.locator('.report').first().getByText(shown).waitFor()
    }
    const unrated = { status: { api: 'pass' } }
    const headers = { 'x-tenant': 'default', 'x-api-key': 'collector-key', 'content-type': 'application/json' }
    await fetch(`${system.gateway}/ingest/qc`, { method: 'POST', headers, body: JSON.stringify(unrated) })
    await reload(page)
    await page.locator('.report').first().getByText('평가 없음').waitFor()
    t.equal(await page.locator('.report').count(), 3)
    t.same(faults, [])
  })

  t.test('what people wrote is text, never markup', async (t) => {
    const { page, faults } = await open(t)
    const title = '<img src=x onerror="document.body.remove()"> "please update the index; drop by"'
    await addEvent(page, { title, start: `${TODAY}T12:00`, end: `${TODAY}T13:00` })
    await page.locator('.title', { hasText: 'onerror' }).waitFor()
    t.equal(await page.locator('.title', { hasText: 'onerror' }).textContent(), title)
    t.equal(await page.locator('.title img').count(), 0)
    t.same(faults, [])
  })

  t.test('a refusal is explained in the language of the page, at the field it is about', async (t) => {
    const { page } = await open(t)
    await addEvent(page, { title: '거꾸로', start: `${TODAY}T12:00`, end: `${TODAY}T11:00` })
    const notice = page.locator('#new-event .notice[data-kind=problem]')
    await notice.waitFor()
    t.match(await notice.textContent(), /^입력한 내용을 확인해 주세요\. .*end_time/)
    t.equal(await page.locator('[aria-invalid=true]').getAttribute('name'), 'end_time')
    await page.getByRole('button', { name: 'English' }).click()
    t.match(await notice.textContent(), /^Please check what you entered\. .*end_time/)
  })

  t.test("the page speaks the browser's language until another is chosen, and remembers that", async (t) => {
    const { page, faults } = await open(t, { locale: 'en-GB' })
    const heading = page.getByRole('heading', { level: 1 })
    t.equal(await heading.textContent(), 'Najimban')
    await page.getByRole('button', { name: '한국어' }).press('Space')
    t.equal(await heading.textContent(), '나침반')
    t.equal(await page.locator('html').getAttribute('lang'), 'ko')
    await page.locator('.report', { hasText: '차단' }).waitFor()
    await reload(page)
    t.equal(await heading.textContent(), '나침반')
    t.same(faults, [])
  })

  t.test('a diary entry with a photo of 20 MB is stored byte for byte and shown', async (t) => {
    const { page, faults } = await open(t)
    const { path, bytes, width } = largePhoto(t)
    t.ok(bytes.length > 20_000_000)
    await page.getByLabel('오늘의 이야기').fill('첫눈이 왔다.\n<b>따뜻한</b> 국밥 ❄️')
    await page.getByLabel('기분').selectOption('😊')
    await page.getByLabel('사진').setInputFiles(path)
    await page.getByRole('button', { name: '일기 저장' }).click()
    await page.locator('#new-entry .notice[data-kind=done]').waitFor()
    const image = page.locator('.entry .photos img')
    await image.waitFor()
    await image.scrollIntoViewIfNeeded()
    const natural = await image.evaluate(async (element: { decode(): Promise<void>; naturalWidth: number }) => {
      await element.decode()
      return element.naturalWidth
    })
    t.equal(natural, width, 'the browser has decoded it')
    t.equal(await page.locator('.entry .content').textContent(), '첫눈이 왔다.\n<b>따뜻한</b> 국밥 ❄️')
    const served = await fetch(system.gateway + (await image.getAttribute('src')))
    const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
    t.equal(hash(await served.bytes()), hash(bytes))
    t.same(faults, [])
  })

  t.test('the day that is open is changed, not written twice', async (t) => {
    const { page, faults } = await open(t)
    const written = page.getByLabel('오늘의 이야기')
    // Playwright's own waiting for a value needs eval, which the page's policy forbids.
    await until('the form to show the entry', async () => (await written.inputValue()).startsWith('첫눈'))
    await written.fill('첫눈이 또 왔다.')
    await page.getByLabel('기분').selectOption('')
    await page.getByRole('button', { name: '일기 저장' }).click()
    await page.locator('.entry .content', { hasText: '또 왔다' }).waitFor()
    t.equal(await page.locator('.entry .mood').textContent(), '', 'the mood is taken away')
    t.equal(await page.locator('.entry').count(), 1)
    t.equal(await page.locator('.entry .photos img').count(), 1, 'its photo stays')
    t.same(faults, [])
  })

  t.test('a narrow screen needs no scrolling sideways', async (t) => {
    for (const locale of ['ko-KR', 'en-US']) {
      const { page, faults } = await open(t, { locale, viewport: { width: 320, height: 640 } })
      await page.locator('.report').first().waitFor()
      await page.locator('.event').first().waitFor()
      await page.locator('.entry').first().waitFor()
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), 320, locale)
      t.same(faults, [])
    }
  })

  t.test('an entry is kept when its photo is refused, and a second one for its day is refused', async (t) => {
    const { page } = await open(t)
    const first = { name: '사진.png', mimeType: 'image/png', buffer: Buffer.from('not an image') }
    await page.getByLabel('오늘의 이야기').fill('어제 이야기')
    await page.getByLabel('날짜').fill('2026-01-31')
    await page.getByLabel('사진').setInputFiles(first)
    await page.getByRole('button', { name: '일기 저장' }).click()
    const notice = page.locator('#new-entry .notice[data-kind=problem]')
    await notice.waitFor()
    t.match(await notice.textContent(), /^받을 수 없는 형식입니다\. .+/)
    await page.locator('.entry .content', { hasText: '어제 이야기' }).waitFor()
    await page.reload()
    await page.getByLabel('오늘의 이야기').fill('같은 날')
    await page.getByLabel('날짜').fill('2026-01-31')
    await page.getByRole('button', { name: '일기 저장' }).click()
    await notice.waitFor()
    t.match(await notice.textContent(), /^이미 저장된 내용과 겹칩니다\. .*2026-01-31/)
    t.equal(await page.locator('.entry .content', { hasText: '어제 이야기' }).count(), 1)
  })

  t.test('without a gateway the page says in each section how to start it', async (t) => {
    const alone = await runExample(t, { GATEWAY_URL: NOBODY })
    const { page } = await openPage(t, browser, alone.url, SEOUL)
    await page.locator('.view .problem').nth(2).waitFor()
    t.match(await page.locator('.view .problem').allTextContents(), Array(3).fill(/npm start/))
    t.equal(await page.getByRole('button', { name: '다시 시도' }).count(), 3)
  })
})

t.test('without a gateway the terminal says in one line how to start it', async (t) => {
  const alone = await runExample(t, { GATEWAY_URL: NOBODY })
  const line = `The gateway at ${NOBODY} does not answer: start it in another terminal with  npm start`
  t.ok(await alone.says(line))
})

t.test('a port that is taken ends the start with one line that says so', async (t) => {
  const { url } = await runExample(t, { GATEWAY_URL: NOBODY })
  const { port } = new URL(url)
  const second = spawnExample(t, { GATEWAY_URL: NOBODY, FRONTEND_PORT: port })
  t.equal(await second.exited, 1)
  t.match(second.output(), `Port ${port} is already in use; set FRONTEND_PORT to another port`)
})

import path from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { openChromium, withoutChromium } from '../../shared/test/chromium.ts'
import { until } from '../../shared/test/until.ts'
import { build } from './test/build.ts'
import { realCollector } from './test/servers.ts'
import { site } from './test/site.ts'

/** What the page has made of the package. */
interface PageScope {
  isReady?: boolean
  localStorage: { length: number }
  open_: (options?: object) => void
  reporter: {
    report: (report: object) => Promise<{ accepted: boolean }>
    flush: () => Promise<unknown>
    state: () => { waiting: number; sent: number; trouble?: { kind: string } }
  }
}

t.setTimeout(110_000)

async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction(() => (globalThis as unknown as PageScope).isReady)
  await page.evaluate(() => (globalThis as unknown as PageScope).open_())
  return page
}

const state = (page: Page) => page.evaluate(() => (globalThis as unknown as PageScope).reporter.state())
const add = (page: Page, numbers: number[]) =>
  page.evaluate(
    (list) =>
      Promise.all(
        list.map((n) => (globalThis as unknown as PageScope).reporter.report({ status: {}, n, notes: ['한글 🎂'] })),
      ),
    numbers,
  )

t.test('in a real browser', { skip: withoutChromium }, async (t) => {
  const dir = t.testdir({})
  const dist = path.join(dir, 'dist')
  await build(dist)
  const collector = await realCollector(t, { DATA_DIR: path.join(dir, 'data') })
  const { url, state: server, ingested } = await site(t, { dist, collector: collector.url })
  const browser = await openChromium(t)
  const numbers = async () => ((await collector.reports()) as { n: number }[]).map(({ n }) => n).sort((a, b) => a - b)

  t.test('what is reported without a network waits in localStorage, and arrives when it is back', async (t) => {
    const context = await browser.newContext()
    const page = await openPage(context, url)
    await context.setOffline(true)
    await add(page, [1, 2, 3])
    await until('the try that fails', async () => (await state(page)).trouble?.kind === 'unreachable')
    const kept = await page.evaluate(() =>
      JSON.stringify(Object.entries((globalThis as unknown as PageScope).localStorage)),
    )
    t.equal(kept.match(/najimban-reporter:default:/g)?.length, 3)
    t.notMatch(kept, 'collector-key')
    t.same(await numbers(), [])
    await context.setOffline(false)
    await until('the three', async () => (await state(page)).sent === 3)
    t.same(await numbers(), [1, 2, 3])
    t.same(
      ingested.flatMap((text) => text.trim().split('\n')).map((line) => (JSON.parse(line) as { n: number }).n),
      [1, 2, 3],
      'in order',
    )
    t.equal(await page.evaluate(() => (globalThis as unknown as PageScope).localStorage.length), 0)
    await context.close()
  })

  t.test('it survives a reload of the page', async (t) => {
    const context = await browser.newContext()
    const page = await openPage(context, url)
    server.isDown = true
    await add(page, [4])
    await until('the try that fails', async () => (await state(page)).trouble?.kind === 'busy')
    await page.reload()
    await page.waitForFunction(() => (globalThis as unknown as PageScope).isReady)
    server.isDown = false
    await page.evaluate(() => (globalThis as unknown as PageScope).open_())
    await until('the report', async () => (await state(page)).sent === 1)
    t.same(await numbers(), [1, 2, 3, 4])
    await context.close()
  })

  t.test('a page that goes away sends what waits', async (t) => {
    const context = await browser.newContext()
    const page = await openPage(context, url)
    server.isDown = true
    await add(page, [5, 6])
    await until('the try that fails', async () => (await state(page)).trouble?.kind === 'busy')
    server.isDown = false
    await page.goto(`${url}/elsewhere`)
    await until('what it sent last', async () => (await numbers()).length === 6)
    t.same(await numbers(), [1, 2, 3, 4, 5, 6])
    await context.close()
  })

  t.test('two tabs send what both have, and the collector has nothing twice', async (t) => {
    const context = await browser.newContext()
    const tabs = [await openPage(context, url), await openPage(context, url)] as const
    await Promise.all(
      tabs.map((page, tab) =>
        add(
          page,
          Array.from({ length: 10 }, (_, n) => 100 + tab * 10 + n),
        ),
      ),
    )
    await until('all of them', async () => {
      await Promise.all(tabs.map((page) => page.evaluate(() => (globalThis as unknown as PageScope).reporter.flush())))
      return (await Promise.all(tabs.map(state))).every(({ waiting }) => waiting === 0)
    })
    t.same(
      (await numbers()).slice(6),
      Array.from({ length: 20 }, (_, n) => 100 + n),
    )
    await context.close()
  })
})

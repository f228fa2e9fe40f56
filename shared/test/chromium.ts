import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'
import type { Test } from 'tap'

const BROWSERS = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'].concat([
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
])

const executablePath = BROWSERS.find((path) => path !== undefined && existsSync(path))

/** Why tests in a browser are skipped on this machine; false when they are not. */
export const withoutChromium: string | false =
  executablePath === undefined &&
  'no Chromium here: apt-get install -y chromium fonts-noto-cjk, or set CHROMIUM to its path'

/** A browser that is closed when the test ends. */
export async function openChromium(t: Test): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: executablePath as string, args: FLAGS })
  t.teardown(() => browser.close())
  return browser
}

import type { IncomingHttpHeaders } from 'node:http'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Decides whether a request that a browser has put credentials on by itself was wanted by a page of ours: `Sec-Fetch-Site`
 * where there is one, as every browser of today sends over TLS and to localhost; else an `Origin` that is this very host.
 * Origins of the front ends are welcome either way. Who sends neither is no browser, and has better credentials than cookies.
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html (Fetch Metadata)
 */
export function createOriginCheck(origins: readonly string[]) {
  const trusted = new Set(origins)
  return (method: string, headers: IncomingHttpHeaders): boolean => {
    if (SAFE.has(method)) return true
    const { origin, host = '', 'sec-fetch-site': site } = headers
    if (origin !== undefined && trusted.has(origin)) return true
    if (site !== undefined) return site === 'same-origin' || site === 'none'
    return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
  }
}

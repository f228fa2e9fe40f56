/** React Native's own URL cannot be asked for its parts. */
const ADDRESS = /^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/i

/** The address of a collector, without a slash at its end. @throws TypeError */
export function addressOf(address: string): string {
  if (/^https?:\/\/[^/]*@/i.test(address)) throw new TypeError('url must not have credentials in it; use `key`')
  if (ADDRESS.test(address)) return address.replace(/\/+$/, '')
  throw new TypeError('url must be an address such as https://reports.example.org, without a query')
}

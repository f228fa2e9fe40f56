export type KeySource = string | (() => string | Promise<string>)

export interface Credentials {
  /** Asked for before each round of sending when it is a function; never stored. */
  key: KeySource
  /** Of a key from `API_KEYS`; a key that begins with `njm_` knows its own. */
  tenant?: string
}

/** No request can be made with these credentials; the message never has the key in it. */
export class CredentialsError extends Error {}

/** What may stand in a header. Anything else is thrown back by fetch, with the key in the text of the error. */
const HEADER_TEXT = /^[\x21-\x7e]+$/
const OWN_KEY = 'njm_'

async function ask(source: KeySource): Promise<unknown> {
  if (typeof source === 'string') return source
  try {
    return await source()
  } catch {
    // What it threw may well quote the key.
    throw new CredentialsError('the function for the key failed')
  }
}

/** @throws CredentialsError */
export async function credentialHeaders({ key: source, tenant }: Credentials): Promise<Record<string, string>> {
  const key = await ask(source)
  if (typeof key !== 'string' || key === '') throw new CredentialsError('there is no key')
  if (!HEADER_TEXT.test(key)) throw new CredentialsError('the key has a character that no key has')
  if (tenant === undefined || tenant === '') {
    if (!key.startsWith(OWN_KEY)) throw new CredentialsError(`a key that does not begin with ${OWN_KEY} needs a tenant`)
    return { 'x-api-key': key }
  }
  if (!HEADER_TEXT.test(tenant)) throw new CredentialsError('the tenant has a character that no tenant has')
  return { 'x-tenant': tenant, 'x-api-key': key }
}

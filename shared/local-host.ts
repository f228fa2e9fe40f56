const LOCAL = /^(?:(?:[\w-]+\.)*localhost\.?|\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\])(?::\d+)?$/i

/**
 * Whether a `Host` field names a machine by its address or as localhost. In open access nothing else is answered: a web page
 * whose own name is made to point to 127.0.0.1 (DNS rebinding) is of the same origin then, and CORS would not keep it out.
 */
export const isLocalHost = (host: string | undefined): boolean => host === undefined || host === '' || LOCAL.test(host)

/** Methods that change nothing (RFC 9110 9.2.1, and those of WebDAV and CalDAV); every other one is a change. */
export const READ_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT'])

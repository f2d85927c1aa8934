import { createRequire } from 'node:module'

/** `node:tls`, loaded by the first connection or listener that needs it: 3 MB in each thread of a gateway that speaks plain HTTP. */
export const loadTls = (): typeof import('node:tls') =>
  createRequire(import.meta.url)('node:tls') as typeof import('node:tls')

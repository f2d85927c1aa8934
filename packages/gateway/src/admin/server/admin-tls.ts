import { readFileSync } from 'node:fs'
import type { TlsOptions } from 'node:tls'

/** Files, absolute. */
export interface AdminTls {
  readonly cert: string
  readonly key: string
  /** Clients must show a certificate that one of these authorities signed. */
  readonly ca: string | undefined
}

/** @throws Error naming the file that cannot be read */
export function readTls({ cert, key, ca }: AdminTls): TlsOptions {
  return {
    cert: read(cert),
    key: read(key),
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: read(ca), requestCert: true, rejectUnauthorized: true }),
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Error(`"admin.tls": ${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

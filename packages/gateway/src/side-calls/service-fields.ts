import { isFramingField, isToken } from '@sekisho/wire'
import type { PeerOptions } from '@sekisho/proxy'
import { defaulted } from '../plugins/defaulted.ts'
import { Type } from '../schema/type.ts'

/** How a plugin calls the service that it asks: fields that APISIX's plugins share. */
export const serviceFields = {
  ssl_verify: defaulted(
    Type.Boolean({ default: true, description: 'verify the certificate of the service, where the URL is https' }),
  ),
  timeout: defaulted(
    Type.Integer({
      minimum: 1,
      maximum: 60_000,
      default: 3_000,
      description: 'milliseconds for the whole call, from the connection to the last byte of the answer',
    }),
  ),
  keepalive: defaulted(Type.Boolean({ default: true, description: 'keep connections for later calls' })),
  keepalive_timeout: defaulted(
    Type.Integer({ minimum: 1_000, default: 60_000, description: 'milliseconds that an idle connection is kept' }),
  ),
  keepalive_pool: defaulted(
    Type.Integer({ minimum: 1, default: 5, description: 'idle connections that each worker keeps' }),
  ),
} as const

export interface ServiceFields {
  readonly ssl_verify: boolean
  readonly keepalive: boolean
  readonly keepalive_timeout: number
  readonly keepalive_pool: number
}

export const servicePeer = ({ ssl_verify: verify, ...config }: ServiceFields): PeerOptions => ({
  tls: { verify },
  keepAlive: {
    maxIdle: config.keepalive ? config.keepalive_pool : 0,
    idleTimeoutMs: config.keepalive_timeout,
  },
})

/** What is wrong with the URL of a service. */
export function urlProblem(url: string): string | undefined {
  const parsed = parsedUrl(url)
  if (parsed === null) return 'is not a URL; write it as "http://127.0.0.1:9000/path"'
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') return 'must begin with "http://" or "https://"'
  return parsed.hash === '' ? undefined : 'has a fragment ("#…"), which is never sent; remove it'
}

function parsedUrl(url: string): URL | null {
  try {
    return new URL(url)
  } catch {
    return null
  }
}

/** What is wrong with the name of a field that is handed on from one message to another. */
export function handedOnProblem(name: string): string | undefined {
  if (!isToken(name)) return `"${name}" is not a header name; write letters, digits and "-"`
  if (isFramingField(name) || name.toLowerCase() === 'host') {
    return `"${name}" belongs to one connection or body and cannot be handed on; remove it`
  }
  return undefined
}

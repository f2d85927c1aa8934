import type { UpstreamDefaults } from '../config/settings/limits.ts'
import { normaliseUpstream, type NormalUpstream } from '../resources/normalise-upstream.ts'
import type { Timeout } from '../resources/timeout.ts'
import { Type } from '../schema/type.ts'
import { defaulted } from '../plugins/defaulted.ts'

/** How a plugin's own connections are made and kept: fields that APISIX's serverless plugins have. */
export const connectionFields = {
  ssl_verify: defaulted(Type.Boolean({ default: true, description: 'verify the certificate of the service' })),
  keepalive: defaulted(Type.Boolean({ default: true, description: 'keep connections for later requests' })),
  keepalive_timeout: defaulted(
    Type.Integer({ minimum: 1_000, default: 60_000, description: 'milliseconds that an idle connection is kept' }),
  ),
} as const

export interface ConnectionSettings {
  readonly ssl_verify: boolean
  readonly keepalive: boolean
  readonly keepalive_timeout: number
  /** Idle connections per worker. */
  readonly keepalive_pool: number
}

/** An upstream whose nodes are known later, with these connections. */
export function serviceUpstream(settings: ConnectionSettings): NormalUpstream {
  const { keepalive, keepalive_timeout: idle, keepalive_pool: size } = settings
  return normaliseUpstream({
    nodes: [],
    keepalive_pool: { size, idle_timeout: idle / 1_000, requests: keepalive ? 1_000 : 1 },
    tls: { verify: settings.ssl_verify },
  })
}

/** @param ms for connecting, and between two pieces sent or received */
export const timeoutOf = (ms: number): Timeout => ({ connect: ms / 1_000, send: ms / 1_000, read: ms / 1_000 })

/** Of what a plugin does not say. */
export const SERVICE_DEFAULTS: UpstreamDefaults = {
  connect_timeout: 60,
  send_timeout: 60,
  read_timeout: 60,
  keepalive_pool_size: 320,
}

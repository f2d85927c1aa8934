import type { NodeSettings } from '../config/settings/node-settings.ts'

/** The function engine of this node, as the gateway reaches it. */
export interface EngineEndpoint {
  readonly host: string
  readonly port: number
  readonly region: string
  /** 12 digits. */
  readonly accountId: string
  /** Signs calls, where the engine takes no others. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** undefined: this node has no engine, or one that listens on a Unix socket or on a port that is not known. */
export function engineEndpoint({ functions }: Pick<NodeSettings, 'functions'>): EngineEndpoint | undefined {
  if (functions === undefined || functions.address.port === 0) return undefined
  const { address, region, account_id: accountId, keys } = functions
  const key = keys?.[0]
  return {
    host: reachable(address.host),
    port: address.port,
    region,
    accountId,
    credentials: key && { accessKeyId: key.access_key_id, secretAccessKey: key.secret_access_key },
  }
}

/** Who listens on every address is reached on loopback. */
const reachable = (host: string | undefined): string =>
  host === undefined || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host

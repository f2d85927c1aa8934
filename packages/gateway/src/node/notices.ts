import type { ListenAddress } from '../config/settings/listen.ts'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import { isServer } from '../tls/sni.ts'
import type { ResourceSet } from '../resources/resource-set.ts'

/** What a configuration asks for that this version reads but does not serve yet: said at the start, never passed over in silence. */
export function notices(settings: NodeSettings, resources: ResourceSet): string[] {
  const found: string[] = []
  if (settings.admin !== undefined && !isLoopback(settings.admin.address)) {
    if (settings.admin.tls === undefined)
      found.push('"admin" is open to other machines without "tls": keys and what they change can be read on the way')
    if (settings.admin.allowAdmin === undefined)
      found.push('"admin" is open to other machines, to all of them: name those that need it in "allow_admin"')
  }
  const open = settings.functions && openFunctions(settings.functions)
  if (open !== undefined) found.push(open)
  if (withoutCertificate(settings, resources))
    found.push(
      'a listener has "tls", and the store no certificate yet: handshakes fail until there is one among "ssls"',
    )
  return found
}

/** Said at the start, by the gateway and by an engine that runs alone. */
export const openFunctions = ({ address, keys }: NonNullable<NodeSettings['functions']>): string | undefined =>
  keys === undefined && !isLoopback(address)
    ? '"functions" is open to other machines without "keys": whoever reaches it can deploy and call functions'
    : undefined

/** In a configuration file this is a mistake; a store may be filled later. */
const withoutCertificate = ({ store, acme, listen }: NodeSettings, { ssls }: ResourceSet): boolean =>
  store.type !== 'file' &&
  acme === undefined &&
  listen.some(({ tls }) => tls !== undefined && tls.certificate === undefined) &&
  ![...ssls.values()].some(isServer)

const isLoopback = ({ host, path }: ListenAddress): boolean =>
  path !== undefined || host === 'localhost' || host === '::1' || host?.startsWith('127.') === true

import type { ReadyInfo } from '@sekisho/proxy/server'
import type { SupervisorSettings } from './commands/settings.ts'

type Listener = SupervisorSettings['settings']['listen'][number]
type Address = ReadyInfo['listeners'][number]['address']

/** The addresses of a gateway as URLs; `*` stands for every address of the machine. */
export interface ServedAddresses {
  readonly gateway: readonly string[]
  /** undefined: there are no metrics, or their port is not known. */
  readonly metrics: string | undefined
  /** undefined: there is no Admin API, or its port is not known. */
  readonly admin: string | undefined
}

export function servedAddresses(
  { listeners }: Pick<ReadyInfo, 'listeners'>,
  { listen, metrics, admin }: SupervisorSettings['settings'],
): ServedAddresses {
  // The supervisor does not hold those for UDP.
  const bound = listen.filter(({ protocol }) => protocol !== 'udp')
  return {
    gateway: [
      ...listeners.map(({ address }, index) => url(address, bound[index])),
      ...listen
        .filter(({ protocol }) => protocol === 'udp')
        .map(({ host, port }) => `udp://${hostText(host ?? '::')}:${port}`),
    ],
    metrics: metrics === undefined ? undefined : controlUrl(metrics.address, 'http', '/metrics'),
    admin: admin === undefined ? undefined : controlUrl(admin.address, admin.tls === undefined ? 'http' : 'https', ''),
  }
}

function url(address: Address, listener: Listener | undefined): string {
  if (typeof address === 'string') return `unix:${address}`
  const secure = listener?.tls !== undefined
  const scheme = listener?.protocol === 'tcp' ? (secure ? 'tls' : 'tcp') : secure ? 'https' : 'http'
  return `${scheme}://${hostText(address.address)}:${address.port}`
}

function hostText(host: string): string {
  if (host === '::' || host === '0.0.0.0') return '*'
  return host.includes(':') ? `[${host}]` : host
}

function controlUrl(
  { host, port, path }: { host?: string | undefined; port: number; path?: string | undefined },
  scheme: string,
  page: string,
): string | undefined {
  if (path !== undefined) return `unix:${path}`
  return port === 0 ? undefined : `${scheme}://${hostText(host ?? '0.0.0.0')}:${port}${page}`
}

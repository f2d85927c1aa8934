import { ADMIN_ENDPOINT, METRICS_ENDPOINT } from '@sekisho/gateway/internal/node/endpoints'
import type { ReadyInfo } from '@sekisho/proxy/server'
import type { SupervisorSettings } from './commands/settings.ts'

type Listener = SupervisorSettings['settings']['listen'][number]
type Address = ReadyInfo['listeners'][number]['address']

/** The addresses of a gateway as URLs; `*` stands for every address of the machine. */
export interface ServedAddresses {
  readonly gateway: readonly string[]
  /** undefined: there are no metrics. */
  readonly metrics: string | undefined
  /** undefined: there is no Admin API. */
  readonly admin: string | undefined
}

export function servedAddresses(
  { listeners, controlListeners }: Pick<ReadyInfo, 'listeners' | 'controlListeners'>,
  { listen, metrics, admin }: SupervisorSettings['settings'],
): ServedAddresses {
  const control = (name: string, scheme: string, page: string): string | undefined => {
    const address = controlListeners.find(({ key }) => key === name)?.address
    return address === undefined ? undefined : controlUrl(address, scheme, page)
  }
  // The supervisor does not hold those for UDP.
  const bound = listen.filter(({ protocol }) => protocol !== 'udp')
  return {
    gateway: [
      ...listeners.map(({ address }, index) => url(address, bound[index])),
      ...listen
        .filter(({ protocol }) => protocol === 'udp')
        .map(({ host, port }) => `udp://${hostText(host ?? '::')}:${port}`),
    ],
    metrics: metrics && control(METRICS_ENDPOINT, 'http', '/metrics'),
    admin: admin && control(ADMIN_ENDPOINT, admin.tls === undefined ? 'http' : 'https', ''),
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

const controlUrl = (address: Address, scheme: string, page: string): string =>
  typeof address === 'string' ? `unix:${address}` : `${scheme}://${hostText(address.address)}:${address.port}${page}`

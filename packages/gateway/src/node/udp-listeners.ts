import type { Application, ListenTarget, OwnListener } from '@sekisho/proxy'
import type { Listener } from '../config/settings/listen.ts'

const NO_IPV6: ReadonlySet<string | undefined> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])

/**
 * The UDP listeners that a worker binds and serves. Each belongs to one worker, whatever process it is in: what a client sends must meet
 * its session, and the kernel shares datagrams out among sockets by rules of its own (`SO_REUSEPORT`, which Node has from 23.1 on).
 */
export function udpListeners(
  listen: readonly Listener[],
  application: Application,
  { index, count }: { readonly index: number; readonly count: number },
): OwnListener[] {
  return listen
    .filter(({ protocol }) => protocol === 'udp')
    .filter((_, at) => at % count === index)
    .map(({ host, port }) => ({
      application: { serve: (target) => serve(application, target, host === undefined) },
      target: target(host, port),
    }))
}

const target = (host: string | undefined, port: number): ListenTarget => ({
  host: host ?? '::',
  port,
  ...(host?.includes(':') === true ? { ipv6Only: true } : {}),
})

async function serve(application: Application, target: ListenTarget, every: boolean): ReturnType<Application['serve']> {
  try {
    return await application.serve(target, { transport: 'udp' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (every && 'port' in target && NO_IPV6.has(code))
      return application.serve({ host: '0.0.0.0', port: target.port }, { transport: 'udp' })
    throw new Error(`cannot listen for UDP: ${message}`, { cause: error })
  }
}

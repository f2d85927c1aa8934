import { createSocket } from 'node:dgram'
import type { Listener } from '../config/settings/listen.ts'

/**
 * Rejects when somebody else has a UDP address of ours. Workers bind with `SO_REUSEADDR`, which lets a process take over from the one before it;
 * so two gateways would not notice each other, and the second would get all that is sent to the first.
 */
export async function probeUdp(listen: readonly Listener[]): Promise<void> {
  for (const { protocol, host, port } of listen) {
    if (protocol !== 'udp' || port === 0) continue
    const code = await tryToBind(host ?? '::', port)
    if (code !== 'EADDRINUSE' && code !== 'EACCES') continue
    const reason =
      code === 'EADDRINUSE'
        ? `the port is in use; stop the process that holds it (\`ss -lunp 'sport = :${port}'\` shows it) or choose another port`
        : 'this user may not bind the port; use one above 1023, or give the node binary CAP_NET_BIND_SERVICE'
    throw new Error(`cannot listen on udp ${host ?? '*'}:${port}: ${reason} (${code})`)
  }
}

function tryToBind(host: string, port: number): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve(undefined)))
  })
}

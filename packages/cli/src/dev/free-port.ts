import { createServer } from 'node:net'

/** How many ports are tried: somebody who has this many in a row in use has other troubles. */
const MAX_TRIES = 100

/** The first free port from `wanted` on. Throws an Error when there is none among the next hundred. */
export async function freePort(wanted: number, host: string): Promise<number> {
  for (let port = wanted; port < wanted + MAX_TRIES && port < 65_536; port++) if (await isFree(port, host)) return port
  throw new Error(`no port from ${wanted} to ${wanted + MAX_TRIES - 1} is free on ${host}`)
}

/** Whether the port can be listened on now. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

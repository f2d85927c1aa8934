import type { AddressInfo, Server, Socket } from 'node:net'

/** A small server beside the gateway of a worked example. Each file beside this one exports `start(): Promise<Service>`. */
export interface Service {
  /** Where it listens on 127.0.0.1. */
  readonly port: number
  /** All that it received so far, as text: for `# NAME got: …`. */
  readonly received?: () => string
  readonly close: () => Promise<void>
}

/** `start` of the service of that name. */
export async function startService(name: string): Promise<Service> {
  // By its address: the test runner wants to know the paths of imports beforehand otherwise.
  const module = (await import(/* @vite-ignore */ new URL(`${name}.ts`, import.meta.url).href)) as {
    readonly start: () => Promise<Service>
  }
  return module.start()
}

/** A server by TCP that listens, and ends with all its connections. */
export async function listening(server: Server, received: () => string): Promise<Service> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Socket } from 'node:net'
import type { Application, ServingListener } from '../application.ts'

/** A trivial responder on node:http that keeps the contract of Application: enough to test process life with. */
export function httpApplication(respond: RequestListener): Application {
  return {
    async serve(target): Promise<ServingListener> {
      const sockets = new Set<Socket>()
      let active = 0
      let stopping = false
      let onIdle = (): void => {}
      const server = createServer((request, response) => {
        active++
        response.on('close', () => active--)
        if (stopping) response.setHeader('connection', 'close')
        respond(request, response)
      })
      // Or node:http would end idle connections by its own clock, under a client that is about to use one.
      server.keepAliveTimeout = 0
      server.on('connection', (socket) => {
        sockets.add(socket)
        socket.on('close', () => {
          sockets.delete(socket)
          if (sockets.size === 0) onIdle()
        })
      })
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(target, resolve)
      })
      return {
        address: server.address() as ServingListener['address'],
        get connections() {
          return sockets.size
        },
        stopAccepting() {
          stopping = true
          // The close of node:http would also end idle connections.
          NetServer.prototype.close.call(server)
        },
        drain: (deadlineMs) =>
          new Promise((resolve) => {
            if (sockets.size === 0) return resolve(0)
            const deadline = setTimeout(() => {
              const cut = active
              for (const socket of sockets) socket.destroy()
              resolve(cut)
            }, deadlineMs)
            onIdle = () => {
              clearTimeout(deadline)
              resolve(0)
            }
          }),
      }
    },
  }
}

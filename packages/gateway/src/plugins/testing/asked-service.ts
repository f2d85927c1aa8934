import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request as the service got it. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A small server that a plugin asks: what it answers is settled by each test, and what it was asked is kept. */
export class AskedService {
  readonly asked: Asked[] = []
  answer: (asked: Asked, response: ServerResponse) => void = (_asked, response) => response.end()
  readonly port: number
  readonly close: () => Promise<void>

  private constructor(port: number, close: () => Promise<void>) {
    this.port = port
    this.close = close
  }

  static async start(port = 0): Promise<AskedService> {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const { method = '', url = '', headers } = request
        const asked = { method, url, headers, body }
        service.asked.push(asked)
        service.answer(asked, response)
      })
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const service: AskedService = new AskedService(
      (server.address() as AddressInfo).port,
      () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    )
    return service
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get last(): Asked {
    const last = this.asked.at(-1)
    if (last === undefined) throw new Error('the service was not asked')
    return last
  }
}

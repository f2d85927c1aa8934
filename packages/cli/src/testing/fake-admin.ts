import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeRequest {
  readonly method: string
  /** With its query. */
  readonly url: string
  readonly key: string | undefined
  readonly body: unknown
}

export interface FakeAnswer {
  readonly status?: number
  /** Text is sent as it is, anything else as JSON. */
  readonly body: unknown
}

/** An Admin API of which a test says what it answers. */
export class FakeAdmin {
  readonly requests: FakeRequest[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(answer: (request: FakeRequest) => FakeAnswer): Promise<FakeAdmin> {
    const server = createServer((request, response) => {
      let text = ''
      request.setEncoding('utf8')
      request.on('data', (chunk: string) => (text += chunk))
      request.on('end', () => {
        const asked: FakeRequest = {
          method: request.method ?? '',
          url: request.url ?? '',
          key: request.headers['x-api-key'] as string | undefined,
          body: text === '' ? undefined : (JSON.parse(text) as unknown),
        }
        fake.requests.push(asked)
        const { status = 200, body } = answer(asked)
        response.statusCode = status
        response.end(typeof body === 'string' ? body : JSON.stringify(body))
      })
    })
    const fake = new FakeAdmin(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

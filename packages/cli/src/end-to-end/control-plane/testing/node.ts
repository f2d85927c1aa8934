import { mkdirSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { ask } from '../../../testing/curl.ts'
import { freePort } from '../../../testing/free-port.ts'
import { Sekisho } from '../../../testing/sekisho.ts'

const KEY = 'the-key-of-this-test'

export interface AdminAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** JSON, or the text where it is none. */
  readonly body: unknown
}

/** A gateway of two workers with an Admin API, as a process of its own. */
export class GatewayNode {
  readonly sekisho: Sekisho
  readonly url: string
  readonly admin: string
  readonly #metrics: string

  private constructor(sekisho: Sekisho, url: string, metrics: string, admin: string) {
    this.sekisho = sekisho
    this.url = url
    this.#metrics = metrics
    this.admin = admin
  }

  /** @param store as in the configuration file */
  static async start(folder: string, store: string, env: Readonly<Record<string, string>> = {}): Promise<GatewayNode> {
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      `${folder}/sekisho.yaml`,
      `listen: ["127.0.0.1:0"]
workers: 2
metrics: { address: "127.0.0.1:${await freePort()}" }
admin: { address: "127.0.0.1:${await freePort()}", keys: [{ name: ops, key: ${KEY}, role: admin }] }
shutdown: { grace_period: 5 }
store: ${store}
`,
    )
    const sekisho = new Sekisho(['start'], { cwd: folder, env })
    const [, url = '', metrics = '', admin = ''] = await sekisho.printed(
      /^serving .* on (http:\S+?), metrics on (http:\S+?), Admin API on (http:\S+?), 2 workers/m,
    )
    return new GatewayNode(sekisho, url, metrics, admin)
  }

  /** Asks the Admin API. A text is sent as it is. */
  ask(
    method: string,
    path: string,
    body?: object | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<AdminAnswer> {
    return new Promise((resolve, reject) => {
      const options = { method, headers: { 'x-api-key': KEY, ...headers }, agent: false }
      const asked = request(`${this.admin}/admin/${path}`, options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: jsonOr(text) }),
        )
        response.on('error', reject)
      })
      asked.on('error', reject)
      asked.end(typeof body === 'string' ? body : body && JSON.stringify(body))
    })
  }

  /** As `ask`; rejects when the answer is no success. */
  async tell(method: string, path: string, body?: object | string): Promise<unknown> {
    const answer = await this.ask(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await ask(this.#metrics)).body)?.[1])
  }

  stop(): Promise<void> {
    return this.sekisho.stop()
  }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

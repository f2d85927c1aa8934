import type { Delivery } from '../delivery.ts'
import type { Target } from './target.ts'

const TIMEOUT_MS = 10_000

/** Posts messages as JSON; attributes are headers `X-Message-Attribute-NAME`. Any 2xx takes a message. */
export class HttpTarget implements Target {
  readonly #url: URL

  constructor(url: URL) {
    this.#url = url
  }

  async send({ arn, body, attributes }: Delivery): Promise<void> {
    const headers: Record<string, string> = { 'content-type': 'application/json', 'x-message-target': arn }
    for (const [name, { value }] of Object.entries(attributes))
      // Header values are one line of Latin-1.
      headers[`x-message-attribute-${name.toLowerCase()}`] = encodeURI(value).replaceAll('%20', ' ')
    const response = await fetch(this.#url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`${this.#url.origin} answered ${response.status}`)
  }

  async close(): Promise<void> {}
}

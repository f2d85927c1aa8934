import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'

/** What a browser got at last. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly body: string
  readonly headers: Headers
}

/** As much of a browser as follows redirects and keeps cookies, by host and port. */
export class Browser {
  /** By origin, then by name. */
  readonly cookies = new Map<string, Map<string, string>>()
  /** Every Set-Cookie field it got. */
  readonly received: string[] = []
  /** Addresses that it was at, in order. */
  readonly visited: string[] = []

  /** Follows redirects until there is none, or one to where `until` says. */
  async open(
    address: string,
    until: (url: URL) => boolean = () => false,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    let url = new URL(address)
    for (let hops = 0; hops < 20; hops++) {
      const page = await this.request(url.href, { headers })
      const location = page.headers.get('location')
      if (location === null || page.status < 300 || page.status > 399) return page
      const next = new URL(location, url)
      if (until(next)) return { ...page, url: next.href }
      url = next
    }
    throw new Error('too many redirects')
  }

  /** One request, with the cookies that belong to it. */
  async request(
    address: string,
    init: { method?: string; headers?: Record<string, string>; body?: URLSearchParams } = {},
  ): Promise<Page> {
    const url = new URL(address)
    this.visited.push(url.href)
    const jar = this.jar(url.origin)
    const headers = new Headers(init.headers)
    if (jar.size > 0) headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await send(url, init.method ?? 'GET', headers, init.body)
    for (const field of response.headers.getSetCookie()) {
      this.received.push(field)
      const [pair = '', ...attributes] = field.split('; ')
      const name = pair.slice(0, pair.indexOf('='))
      const gone = attributes.some((text) => text === 'Max-Age=0' || /^expires=Thu, 01 Jan 1970/i.test(text))
      if (gone) jar.delete(name)
      else jar.set(name, pair.slice(name.length + 1))
    }
    return { url: url.href, status: response.status, body: response.body, headers: response.headers }
  }

  jar(origin: string): Map<string, string> {
    let jar = this.cookies.get(origin)
    if (jar === undefined) this.cookies.set(origin, (jar = new Map()))
    return jar
  }
}

/** Not `fetch`, which says of itself that it is a script. */
function send(
  url: URL,
  method: string,
  headers: Headers,
  body: URLSearchParams | undefined,
): Promise<{ status: number; body: string; headers: Headers }> {
  if (body !== undefined) headers.set('content-type', 'application/x-www-form-urlencoded')
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      { method, headers: Object.fromEntries(headers.entries()), agent: false },
      (response) => {
        const fields = new Headers()
        const raw = response.rawHeaders
        for (let at = 0; at < raw.length; at += 2) fields.append(raw[at] ?? '', raw[at + 1] ?? '')
        text(response).then(
          (received) => resolve({ status: response.statusCode ?? 0, body: received, headers: fields }),
          reject,
        )
      },
    )
    request.on('error', reject)
    request.end(body?.toString())
  })
}

import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'

/** Every name is this machine. */
export const lookup: LookupFunction = (_name, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

/** As much of a browser's XMLHttpRequest as the library `grpc-web` asks for, on `node:http`. */
export class XmlHttpRequest {
  readyState = 0
  status = 0
  statusText = ''
  responseType = ''
  timeout = 0
  withCredentials = false
  onreadystatechange: (() => void) | null = null
  private request: ClientRequest | undefined
  private answer: IncomingMessage | undefined
  private url = ''
  private method = ''
  private readonly fields: Record<string, string> = {}
  private readonly chunks: Buffer[] = []

  get responseText(): string {
    return this.responseType === 'arraybuffer' ? '' : Buffer.concat(this.chunks).toString('latin1')
  }

  /** Bytes are there at the end only. */
  get response(): string | ArrayBuffer | null {
    if (this.responseType !== 'arraybuffer') return this.responseText
    return this.readyState === 4 ? new Uint8Array(Buffer.concat(this.chunks)).buffer : null
  }

  open(method: string, url: string): void {
    this.method = method
    this.url = url
    this.change(1)
  }

  setRequestHeader(name: string, value: string): void {
    this.fields[name] = value
  }

  getResponseHeader(name: string): string | null {
    const value = this.answer?.headers[name.toLowerCase()]
    return value === undefined ? null : String(value)
  }

  getAllResponseHeaders(): string {
    const lines = Object.entries(this.answer?.headers ?? {}).map(([name, value]) => `${name}: ${String(value)}\r\n`)
    return lines.join('')
  }

  send(body: string | Uint8Array): void {
    const { method, fields: headers } = this
    this.request = httpRequest(this.url, { method, headers, lookup, agent: false })
    this.request.on('error', () => this.fail())
    this.request.on('response', (answer) => {
      this.answer = answer
      this.status = answer.statusCode ?? 0
      this.change(2)
      answer.on('data', (chunk: Buffer) => {
        this.chunks.push(chunk)
        this.change(3)
      })
      answer.on('end', () => this.change(4))
      answer.on('error', () => this.fail())
    })
    this.request.end(body)
  }

  abort(): void {
    this.onreadystatechange = null
    this.request?.destroy()
  }

  private fail(): void {
    this.status = 0
    this.change(4)
  }

  private change(state: number): void {
    if (this.readyState === 4) return
    this.readyState = state
    this.onreadystatechange?.()
  }
}

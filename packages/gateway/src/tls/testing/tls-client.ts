import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { AUTHORITY } from './authorities.ts'

/** A response, its body as JSON. */
export interface TlsAnswer {
  readonly status: number
  readonly head: string
  readonly body: { readonly error_msg?: string; readonly url?: string }
}

/** A keep-alive connection of a client that trusts the test authority and speaks HTTP/1.1. */
export class TlsClient {
  readonly socket: TLSSocket
  private received = ''
  private wake: () => void = () => undefined

  private constructor(socket: TLSSocket, session: Promise<Buffer>) {
    this.socket = socket
    this.session = session
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.received += text
      this.wake()
    })
    socket.on('close', () => this.wake())
    socket.on('error', () => this.wake())
  }

  /** A session to resume: in TLS 1.2 it comes with the handshake, in 1.3 after it. */
  readonly session: Promise<Buffer>

  /** Resolves after the handshake; rejects when it fails. */
  static connect(port: number, options: ConnectionOptions = {}): Promise<TlsClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(
        { host: '127.0.0.1', port, servername: 'a.test', ca: AUTHORITY, ALPNProtocols: ['http/1.1'], ...options },
        () => {
          socket.off('error', reject)
          resolve(new TlsClient(socket, session))
        },
      )
      const session = new Promise<Buffer>((come) => socket.once('session', come))
      socket.once('error', reject)
    })
  }

  /** The name of the certificate that the server showed. */
  get subject(): string {
    return String(this.socket.getPeerCertificate().subject.CN)
  }

  get fingerprint(): string {
    return this.socket.getPeerCertificate().fingerprint256
  }

  async get(path: string, host = 'a.test'): Promise<TlsAnswer> {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    for (;;) {
      const end = this.received.indexOf('\r\n\r\n')
      if (end >= 0) {
        const head = this.received.slice(0, end)
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (this.received.length >= end + 4 + length) {
          const body = this.received.slice(end + 4, end + 4 + length)
          this.received = this.received.slice(end + 4 + length)
          return { status: Number(head.slice(9, 12)), head, body: parsed(body) }
        }
      }
      if (this.socket.destroyed) throw new Error(`the connection was closed; received ${JSON.stringify(this.received)}`)
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

function parsed(body: string): TlsAnswer['body'] {
  try {
    return JSON.parse(body) as TlsAnswer['body']
  } catch {
    return {}
  }
}

import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { bindRequest, MAX_RESPONSE_BYTES, readBindResponse } from './bind-message.ts'

/** Where a directory is. */
export interface DirectoryAddress {
  /** Name or IP address, without brackets. */
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** Whether its certificate is verified. */
  readonly verify: boolean
}

interface Waiting {
  readonly id: number
  readonly resolve: (code: number) => void
  readonly reject: (error: Error) => void
}

/**
 * A connection to a directory that carries binds, one at a time. Own code and not a library's: the one that was tried (ldapts 8.0) runs out of memory over
 * 14 malformed bytes, with the process it is in.
 */
export class BindConnection {
  private readonly socket: Socket
  private received: Buffer = Buffer.alloc(0)
  private waiting: Waiting | undefined
  private failure: Error | undefined
  private nextId = 1

  constructor({ host, port, tls, verify }: DirectoryAddress) {
    this.socket = tls
      ? connectTls({ host, port, rejectUnauthorized: verify, ...(isIP(host) === 0 ? { servername: host } : {}) })
      : connectTcp({ host, port })
    this.socket.setNoDelay(true)
    this.socket.on('data', (chunk) => this.onData(chunk))
    this.socket.on('error', (error) => this.fail(error))
    this.socket.on('close', () => this.fail(new Error('the directory closed the connection')))
  }

  get usable(): boolean {
    return this.failure === undefined
  }

  /** The result code. Rejects when the connection ends without one. */
  bind(dn: string, password: string): Promise<number> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const id = this.nextId
    this.nextId = id === MAX_ID ? 1 : id + 1
    return new Promise((resolve, reject) => {
      this.waiting = { id, resolve, reject }
      this.socket.write(bindRequest(id, dn, password))
    })
  }

  close(): void {
    this.fail(new Error('the connection is no longer used'))
  }

  private onData(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
    const { waiting } = this
    const response = readBindResponse(this.received)
    if (response === 'more' && this.received.length <= MAX_RESPONSE_BYTES && waiting !== undefined) return
    this.received = Buffer.alloc(0)
    // Nobody asked (a notice that it disconnects), or the answer is to something else.
    if (typeof response === 'string' || waiting === undefined || response.id !== waiting.id) {
      return this.fail(new Error('the directory sent what is no answer to a bind'))
    }
    this.waiting = undefined
    waiting.resolve(response.code)
    return undefined
  }

  private fail(error: Error): void {
    if (this.failure !== undefined) return
    this.failure = error
    this.socket.destroy()
    const { waiting } = this
    this.waiting = undefined
    waiting?.reject(error)
  }
}

/** MessageID is at most 2^31 - 1 (RFC 4511 section 4.1.1). */
const MAX_ID = 2_147_483_647

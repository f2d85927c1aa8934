import { connect, constants, type ClientHttp2Session } from 'node:http2'
import { bodyFor } from './http-load.ts'

const REFUSED = 'refused'

/** Asks one request after the other in each of a number of lanes over HTTP/2; a connection that says GOAWAY gets no new ones. */
export class H2Load {
  readonly failures: string[] = []
  answered = 0
  /** GOAWAY frames: two for each drained connection. */
  goAways = 0
  /** Requests that this client kept back when its connection had just got a GOAWAY, and sent on another. */
  unsent = 0
  private readonly port: number
  private session: ClientHttp2Session | undefined
  private readonly sessions = new Set<ClientHttp2Session>()
  private readonly lanes: Promise<void>[]
  private stopped = false
  private count = 0

  constructor(port: number, lanes: number) {
    this.port = port
    this.lanes = Array.from({ length: lanes }, () => this.run())
  }

  async stop(): Promise<void> {
    this.stopped = true
    await Promise.all(this.lanes)
    for (const session of this.sessions) session.close()
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const path = `/h2/${this.count++}`
      let failure = await this.ask(path)
      // Node's client says so itself of a request that it did not send, as GOAWAY had come, before it tells of the GOAWAY.
      if (failure === REFUSED) {
        this.unsent++
        failure = await this.ask(path)
      }
      if (failure === undefined) this.answered++
      else this.failures.push(`${path}: ${failure}`)
    }
  }

  private ask(path: string): Promise<string | undefined> {
    const session = (this.session ??= this.open())
    return new Promise((resolve) => {
      const request = session.request({ ':path': path })
      let status = 0
      let body = ''
      let error: Error | undefined
      request.setEncoding('latin1')
      request.on('response', (headers) => (status = Number(headers[':status'])))
      request.on('data', (text: string) => (body += text))
      request.on('error', (cause) => (error = cause))
      request.on('close', () => {
        if (request.rstCode === constants.NGHTTP2_REFUSED_STREAM) {
          if (this.session === session) this.session = undefined
          resolve(REFUSED)
        } else if (error !== undefined) resolve(error.message)
        else if (status !== 200) resolve(`status ${status}`)
        else if (body !== bodyFor(path)) resolve(`got ${body.slice(0, 100)} (code ${request.rstCode})`)
        else resolve(request.rstCode === constants.NGHTTP2_NO_ERROR ? undefined : `reset with ${request.rstCode}`)
      })
    })
  }

  private open(): ClientHttp2Session {
    const session = connect(`http://127.0.0.1:${this.port}`)
    this.sessions.add(session)
    const leave = (): void => {
      if (this.session === session) this.session = undefined
    }
    session.on('goaway', (code) => {
      leave()
      this.goAways++
      if (code !== constants.NGHTTP2_NO_ERROR) this.failures.push(`GOAWAY with ${code}`)
    })
    session.on('error', (error) => {
      leave()
      this.failures.push(`a connection: ${error.message}`)
    })
    session.on('close', () => {
      leave()
      this.sessions.delete(session)
    })
    return session
  }
}

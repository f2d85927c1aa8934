import type { Socket } from 'node:net'

/** The other side ended before what was waited for had come. */
export class EndedError extends Error {
  /** What had come by then. */
  readonly partial: string

  constructor(wanted: string, partial: string) {
    super(`the connection ended before ${wanted}; by then had come: ${JSON.stringify(partial.slice(0, 300))}`)
    this.name = 'EndedError'
    this.partial = partial
  }
}

/** A message as it was on the wire, bodies decoded; one character a byte. */
export interface RawMessage {
  /** The request or status line. */
  readonly line: string
  /** The whole head with its empty line. */
  readonly head: string
  /** Values by lower-case name, repeated ones joined by `, `. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** Lines with CRLF. */
  readonly trailers: string
  /** How the end of the body was told. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close'
}

/** What a socket received, to be waited for piece by piece. A parser of its own: the one under test is not its own judge. */
export class ByteReader {
  /** Everything that came and was not taken yet. */
  buffered = ''
  /** FIN came, or the connection is gone. */
  ended = false
  error: Error | undefined
  /** Bytes that came in all. */
  count = 0
  private wake: (() => void) | undefined

  constructor(socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.buffered += bytes.toString('latin1')
      this.count += bytes.length
      this.wake?.()
    })
    const end = (): void => {
      this.ended = true
      this.wake?.()
    }
    socket.on('end', end)
    socket.on('close', end)
    socket.on('error', (error) => {
      this.error = error
    })
  }

  /** Up to and with `marker`. */
  async until(marker: string): Promise<string> {
    let from = 0
    for (;;) {
      const at = this.buffered.indexOf(marker, from)
      if (at >= 0) return this.take(at + marker.length)
      from = Math.max(0, this.buffered.length - marker.length + 1)
      await this.more(JSON.stringify(marker))
    }
  }

  async exactly(length: number): Promise<string> {
    while (this.buffered.length < length) await this.more(`${length} bytes`)
    return this.take(length)
  }

  /** All that comes until the other side ends. */
  async rest(): Promise<string> {
    while (!this.ended) await this.next()
    return this.take(this.buffered.length)
  }

  /** The next message. `bodyless`: whatever its head says, none follows (an answer to HEAD). */
  async message(bodyless = false): Promise<RawMessage> {
    const head = await this.until('\r\n\r\n')
    const line = head.slice(0, head.indexOf('\r\n'))
    const headers = parseFields(head.slice(line.length + 2, -2))
    const status = /^HTTP\/1\.\d (\d{3})/.exec(line)?.[1]
    const isRequest = status === undefined
    const none = bodyless || (status !== undefined && /^(1..|204|304)$/.test(status))
    if (none) return { line, head, headers, body: '', trailers: '', framing: 'none' }
    if (headers.get('transfer-encoding') === 'chunked') {
      return { line, head, headers, framing: 'chunked', ...(await this.chunks()) }
    }
    const length = headers.get('content-length')
    if (length !== undefined) {
      return { line, head, headers, body: await this.exactly(Number(length)), trailers: '', framing: 'length' }
    }
    if (isRequest) return { line, head, headers, body: '', trailers: '', framing: 'none' }
    const body = await this.rest()
    if (this.error !== undefined) throw new EndedError('the end of a body that ends with the connection', body)
    return { line, head, headers, body, trailers: '', framing: 'close' }
  }

  private async chunks(): Promise<{ body: string; trailers: string }> {
    const pieces: string[] = []
    for (;;) {
      const line = await this.until('\r\n')
      const size = Number.parseInt(line, 16)
      if (!/^[0-9a-f]+\r\n$/i.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`)
      if (size === 0) break
      pieces.push(await this.exactly(size))
      const end = await this.exactly(2)
      if (end !== '\r\n') throw new Error(`a chunk ends in ${JSON.stringify(end)}`)
    }
    let trailers = ''
    for (let line = await this.until('\r\n'); line !== '\r\n'; line = await this.until('\r\n')) trailers += line
    return { body: pieces.join(''), trailers }
  }

  private take(length: number): string {
    const taken = this.buffered.slice(0, length)
    this.buffered = this.buffered.slice(length)
    return taken
  }

  private async more(wanted: string): Promise<void> {
    if (this.ended) throw new EndedError(wanted, this.buffered)
    await this.next()
  }

  private next(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }
}

function parseFields(lines: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return fields
}

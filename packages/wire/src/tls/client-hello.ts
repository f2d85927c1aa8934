import { latin1TextOf } from '../sockets/latin1.ts'

/** What a client's first message says (RFC 8446 section 4.1.2), as far as certificates are chosen by it. */
export interface ClientHello {
  /** '' = none; lower case, no trailing dot. */
  readonly serverName: string
  /** In the client's order; empty without the extension. */
  readonly alpn: readonly string[]
  /** E.g. 0x0304; `supported_versions`, or the one version of an older client. */
  readonly versions: readonly number[]
}

export type ClientHelloProblem = 'INCOMPLETE' | 'NOT_TLS' | 'MALFORMED' | 'TOO_LARGE'

/** One with post-quantum key shares has about 2,000. */
export const MAX_CLIENT_HELLO_BYTES = 16_384

const RECORD_HEADER = 5
const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
const RANDOM = 32

const SERVER_NAME = 0
const ALPN = 16
const SUPPORTED_VERSIONS = 43
const HOST_NAME = 0
/** RFC 6066 section 3: a DNS name. Addresses are none, but clients do send them, and so does `_`. */
const NAME = /^[\w.:-]{1,255}$/

/**
 * Reads the ClientHello from the first bytes of a connection; it may span several records (RFC 8446 section 5.1). Whether the rest of it is
 * good is for the TLS engine to say, which gets the same bytes.
 */
export function parseClientHello(bytes: Buffer): ClientHello | ClientHelloProblem {
  const message = firstMessage(bytes)
  if (typeof message === 'string') return message
  const reader = new Reader(message)
  const legacyVersion = reader.uint(2)
  reader.skip(RANDOM)
  reader.vector(1)
  const suites = reader.vector(2)
  const compressions = reader.vector(1)
  const hello = { serverName: '', alpn: [] as string[], versions: [legacyVersion] }
  if (suites.left < 2 || compressions.left < 1 || reader.failed) return 'MALFORMED'
  // TLS 1.2 knows a hello without extensions.
  if (reader.left === 0) return hello
  const extensions = reader.vector(2)
  if (reader.left > 0 || !readExtensions(extensions, hello)) return 'MALFORMED'
  return hello
}

/** The body of the handshake message that the records begin with. */
function firstMessage(bytes: Buffer): Buffer | ClientHelloProblem {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return 'NOT_TLS'
  if (bytes.length > 1 && bytes[1] !== 3) return 'NOT_TLS'
  const fragments: Buffer[] = []
  let size = 0
  let needed = 4
  for (let at = 0; size < needed;) {
    if (at > MAX_CLIENT_HELLO_BYTES) return 'TOO_LARGE'
    if (bytes.length < at + RECORD_HEADER) return 'INCOMPLETE'
    const length = bytes.readUInt16BE(at + 3)
    if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3 || length === 0) return 'MALFORMED'
    const fragment = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length)
    fragments.push(fragment)
    size += fragment.length
    at += RECORD_HEADER + length
    if (size >= 4 && needed === 4) {
      const head = fragments.length === 1 ? fragment : Buffer.concat(fragments)
      if (head[0] !== CLIENT_HELLO) return 'MALFORMED'
      needed = 4 + head.readUIntBE(1, 3)
      if (needed > MAX_CLIENT_HELLO_BYTES) return 'TOO_LARGE'
    }
  }
  const message = fragments.length === 1 ? fragments[0] : Buffer.concat(fragments)
  return message.subarray(4, needed)
}

interface Found {
  serverName: string
  alpn: string[]
  versions: number[]
}

function readExtensions(extensions: Reader, found: Found): boolean {
  const seen = new Set<number>()
  while (extensions.left > 0) {
    const type = extensions.uint(2)
    const data = extensions.vector(2)
    // RFC 8446 section 4.2: no extension twice. Who reads the first and who the last would see two different names.
    if (extensions.failed || seen.has(type)) return false
    seen.add(type)
    if (type === SERVER_NAME && !readServerName(data, found)) return false
    if (type === ALPN && !readAlpn(data, found)) return false
    if (type === SUPPORTED_VERSIONS && !readVersions(data, found)) return false
  }
  return !extensions.failed
}

/** RFC 6066 section 3. One name of one type has ever been defined; OpenSSL refuses lists that hold more. */
function readServerName(data: Reader, found: Found): boolean {
  const list = data.vector(2)
  const type = list.uint(1)
  const name = list.vector(2).latin1()
  if (list.failed || list.left > 0 || data.failed || data.left > 0 || type !== HOST_NAME || !NAME.test(name))
    return false
  found.serverName = (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
  return found.serverName !== ''
}

/** RFC 7301 section 3.1. */
function readAlpn(data: Reader, found: Found): boolean {
  const list = data.vector(2)
  while (list.left > 0) {
    const name = list.vector(1).latin1()
    if (name === '') return false
    found.alpn.push(name)
  }
  return found.alpn.length > 0 && !list.failed && !data.failed && data.left === 0
}

/** RFC 8446 section 4.2.1. */
function readVersions(data: Reader, found: Found): boolean {
  const list = data.vector(1)
  if (list.left === 0 || list.left % 2 !== 0 || data.failed || data.left > 0) return false
  found.versions = []
  while (list.left > 0) found.versions.push(list.uint(2))
  return true
}

/** Reads behind the end fail once and for all, and read as nothing: asked for at the end of a structure, not for each field. */
class Reader {
  failed = false
  private at = 0
  private readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get left(): number {
    return this.failed ? 0 : this.bytes.length - this.at
  }

  skip(length: number): void {
    this.take(length)
  }

  uint(size: number): number {
    const field = this.take(size)
    return field.length === 0 ? 0 : field.readUIntBE(0, size)
  }

  /** A vector as TLS writes it: its length in `size` bytes, then so many bytes. */
  vector(size: number): Reader {
    const reader = new Reader(this.take(this.uint(size)))
    reader.failed = this.failed
    return reader
  }

  latin1(): string {
    return latin1TextOf(this.bytes)
  }

  private take(length: number): Buffer {
    if (this.failed || this.at + length > this.bytes.length) {
      this.failed = true
      return NOTHING
    }
    const taken = this.bytes.subarray(this.at, this.at + length)
    this.at += length
    return taken
  }
}

const NOTHING = Buffer.alloc(0)

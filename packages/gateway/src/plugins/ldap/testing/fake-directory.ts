import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A bind as the directory got it. */
export interface Bind {
  readonly dn: string
  readonly password: string
}

/** Result codes of RFC 4511 appendix A. */
export const SUCCESS = 0
export const INVALID_CREDENTIALS = 49

/** As much of an LDAP server as answers simple binds, short messages alone. What it says is settled by each test. */
export class FakeDirectory {
  readonly binds: Bind[] = []
  /** A result code, bytes to send instead, or undefined: nothing. */
  answer: (bind: Bind) => number | Buffer | undefined
  readonly port: number
  connections = 0
  readonly close: () => Promise<void>
  private readonly sockets: Set<Socket>

  private constructor(port: number, answer: FakeDirectory['answer'], sockets: Set<Socket>, close: () => Promise<void>) {
    this.port = port
    this.answer = answer
    this.sockets = sockets
    this.close = close
  }

  static async start(answer: FakeDirectory['answer']): Promise<FakeDirectory> {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      directory.connections++
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
      socket.on('data', (bytes) => directory.onMessage(socket, bytes))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const close = (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
    const directory: FakeDirectory = new FakeDirectory((server.address() as AddressInfo).port, answer, sockets, close)
    return directory
  }

  /** Closes the connections that clients keep. */
  disconnect(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  /** One message a read: clients send small ones and wait. Lengths below 128 take one byte, others `0x81` and one. */
  private onMessage(socket: Socket, bytes: Buffer): void {
    const fields = readSequence(bytes)
    const id = fields[0]
    const operation = fields[1]
    if (id === undefined || operation?.tag !== BIND) return void socket.end()
    const [, name, password] = readSequence(operation.whole)
    const bind = { dn: name?.value.toString() ?? '', password: password?.value.toString() ?? '' }
    this.binds.push(bind)
    const answer = this.answer(bind)
    if (answer === undefined) return
    socket.write(typeof answer === 'number' ? bindResponse(id.whole, answer) : answer)
  }
}

const SEQUENCE = 0x30
const BIND = 0x60
const BIND_RESPONSE = 0x61
const OCTETS = 0x04
const ENUMERATED = 0x0a

interface Element {
  readonly tag: number
  readonly value: Buffer
  readonly whole: Buffer
}

function readElement(bytes: Buffer): Element {
  const long = bytes[1] === 0x81
  const length = bytes[long ? 2 : 1] ?? 0
  const start = long ? 3 : 2
  return { tag: bytes[0] ?? 0, value: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) }
}

function readSequence(bytes: Buffer): Element[] {
  const elements: Element[] = []
  for (let rest = readElement(bytes).value; rest.length > 0;) {
    const element = readElement(rest)
    elements.push(element)
    rest = rest.subarray(element.whole.length)
  }
  return elements
}

const element = (tag: number, ...parts: Buffer[]): Buffer => {
  const value = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, value.length]), value])
}

const bindResponse = (id: Buffer, code: number): Buffer =>
  element(
    SEQUENCE,
    id,
    element(BIND_RESPONSE, element(ENUMERATED, Buffer.from([code])), element(OCTETS), element(OCTETS)),
  )

import { isIPv4 } from 'node:net'
import { encodeName } from '../name.ts'

export type WrittenRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | {
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | { readonly type: 'SOA'; readonly minimum: number }
  | { readonly type: 'TXT' }
)

export interface WrittenMessage {
  readonly id: number
  readonly question: { readonly name: string; readonly type: number }
  readonly rcode?: number
  readonly truncated?: boolean
  readonly answers?: readonly WrittenRecord[]
  readonly authority?: readonly WrittenRecord[]
  readonly additional?: readonly WrittenRecord[]
}

const TYPES = { A: 1, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, SRV: 33 }

/** Writes answers, as a name server does. */
export function messageOf(message: WrittenMessage, compress = false): Buffer {
  const { id, question, rcode = 0, truncated = false, answers = [], authority = [], additional = [] } = message
  const writer = new Writer(compress)
  writer.numbers(id, 0x8180 | (truncated ? 0x0200 : 0) | rcode, 1, answers.length, authority.length, additional.length)
  writer.name(question.name)
  writer.numbers(question.type, 1)
  for (const record of [...answers, ...authority, ...additional]) {
    writer.name(record.name)
    writer.numbers(TYPES[record.type], 1, record.ttl >>> 16, record.ttl & 0xffff, 0)
    writer.data(() => writeData(writer, record))
  }
  return writer.bytes
}

function writeData(writer: Writer, record: WrittenRecord): void {
  switch (record.type) {
    case 'A':
      return writer.raw(Buffer.from(record.address.split('.').map(Number)))
    case 'AAAA':
      return writer.raw(addressBytes(record.address))
    case 'CNAME':
      return writer.name(record.target)
    case 'SRV':
      writer.numbers(record.priority, record.weight, record.port)
      return writer.name(record.target)
    case 'SOA':
      writer.name('ns.example')
      writer.name('admin.example')
      writer.raw(Buffer.alloc(16))
      return writer.numbers(record.minimum >>> 16, record.minimum & 0xffff)
    case 'TXT':
      return writer.raw(Buffer.from('\u0003abc'))
  }
}

function addressBytes(text: string): Buffer {
  if (isIPv4(text)) throw new Error(`${text} is not an IPv6 address`)
  const [head, tail = ''] = text.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const [first, last] = [groups(head), groups(tail)]
  const middle = Array.from({ length: 8 - first.length - last.length }, () => '0')
  return Buffer.from([...first, ...middle, ...last].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

class Writer {
  bytes = Buffer.alloc(0)
  private readonly known = new Map<string, number>()
  private readonly compress: boolean

  constructor(compress: boolean) {
    this.compress = compress
  }

  raw(bytes: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, bytes])
  }

  numbers(...numbers: number[]): void {
    this.raw(Buffer.concat(numbers.map((number) => Buffer.from([number >>> 8, number & 0xff]))))
  }

  name(name: string): void {
    const labels = name === '.' ? [] : name.split('.')
    for (let at = 0; this.compress && at < labels.length; at++) {
      const rest = labels.slice(at).join('.')
      const known = this.known.get(rest)
      if (known !== undefined) return this.numbers(0xc000 | known)
      this.known.set(rest, this.bytes.length)
      this.raw(Buffer.from([labels[at].length, ...Buffer.from(labels[at])]))
    }
    this.raw(this.compress ? Buffer.from([0]) : (encodeName(name) as Buffer))
  }

  data(write: () => void): void {
    const at = this.bytes.length - 2
    write()
    this.bytes.writeUInt16BE(this.bytes.length - at - 2, at)
  }
}

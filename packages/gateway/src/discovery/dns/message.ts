import { decodeName, encodeName } from './name.ts'

/** RFC 1035, RFC 3596 (AAAA), RFC 2782 (SRV). */
export const RECORD_TYPES = { A: 1, CNAME: 5, SOA: 6, AAAA: 28, SRV: 33 } as const
export type QueryType = 'A' | 'AAAA' | 'SRV'

const CLASS_IN = 1
const TYPE_OPT = 41
const HEADER_BYTES = 12
/** What is sure to cross a path in one piece (DNS flag day 2020). */
export const UDP_PAYLOAD_BYTES = 1_232
/** RFC 2181, section 8: a TTL whose highest bit is set is 0. */
const MAX_TTL = 0x7fff_ffff

interface Common {
  /** Lower case, without the last dot. */
  readonly name: string
  readonly ttl: number
}
export type DnsRecord =
  | (Common & { readonly type: 'A' | 'AAAA'; readonly address: string })
  | (Common & { readonly type: 'CNAME'; readonly target: string })
  | (Common & {
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    })
  /** `minimum` is how long to remember that there is nothing, in seconds (RFC 2308, section 4). */
  | (Common & { readonly type: 'SOA'; readonly minimum: number })

export interface DnsMessage {
  readonly id: number
  /** 0 no error, 2 SERVFAIL, 3 NXDOMAIN, 4 NOTIMP, 5 REFUSED. */
  readonly rcode: number
  /** What is missing can be had over TCP. */
  readonly truncated: boolean
  readonly question: { readonly name: string; readonly type: number }
  /** Records of other types and classes are left out. */
  readonly answers: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
  readonly additional: readonly DnsRecord[]
}

/** A query with recursion wanted, and EDNS(0) (RFC 6891). Undefined: the name cannot be one in the DNS. */
export function encodeQuery(id: number, name: string, type: QueryType): Buffer | undefined {
  const encoded = encodeName(name)
  if (encoded === undefined) return undefined
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(0x0100, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(1, 10)
  const question = Buffer.alloc(4)
  question.writeUInt16BE(RECORD_TYPES[type], 0)
  question.writeUInt16BE(CLASS_IN, 2)
  const options = Buffer.alloc(11)
  options.writeUInt16BE(TYPE_OPT, 1)
  options.writeUInt16BE(UDP_PAYLOAD_BYTES, 3)
  return Buffer.concat([header, encoded, question, options])
}

/**
 * Reads an answer. A string says what is wrong with it: every length and pointer must be right, and nothing may follow. A truncated one is read
 * as far as its question.
 */
export function decodeMessage(bytes: Buffer): DnsMessage | string {
  if (bytes.length < HEADER_BYTES) return 'shorter than a header'
  const flags = bytes.readUInt16BE(2)
  if ((flags & 0x8000) === 0) return 'a query, not an answer'
  if ((flags & 0x7800) !== 0) return 'an answer to another operation'
  if (bytes.readUInt16BE(4) !== 1) return 'not one question'
  const asked = decodeName(bytes, HEADER_BYTES)
  if (typeof asked === 'string') return asked
  if (asked.end + 4 > bytes.length) return 'ends within its question'
  if (bytes.readUInt16BE(asked.end + 2) !== CLASS_IN) return 'a question of another class'
  const head = {
    id: bytes.readUInt16BE(0),
    rcode: flags & 0x000f,
    truncated: (flags & 0x0200) !== 0,
    question: { name: asked.name, type: bytes.readUInt16BE(asked.end) },
  }
  if (head.truncated) return { ...head, answers: [], authority: [], additional: [] }
  const sections: DnsRecord[][] = []
  let at = asked.end + 4
  for (const offset of [6, 8, 10]) {
    const read = readSection(bytes, at, bytes.readUInt16BE(offset))
    if (typeof read === 'string') return read
    sections.push(read.records)
    at = read.end
  }
  if (at !== bytes.length) return 'has bytes behind its records'
  return { ...head, answers: sections[0], authority: sections[1], additional: sections[2] }
}

function readSection(bytes: Buffer, start: number, count: number): { records: DnsRecord[]; end: number } | string {
  const records: DnsRecord[] = []
  let at = start
  for (let left = count; left > 0; left--) {
    const owner = decodeName(bytes, at)
    if (typeof owner === 'string') return owner
    if (owner.end + 10 > bytes.length) return 'ends within a record'
    const type = bytes.readUInt16BE(owner.end)
    const ttl = bytes.readUInt32BE(owner.end + 4)
    const data = owner.end + 10
    const end = data + bytes.readUInt16BE(owner.end + 8)
    if (end > bytes.length) return 'ends within a record'
    at = end
    if (type === TYPE_OPT || bytes.readUInt16BE(owner.end + 2) !== CLASS_IN) continue
    const record = readRecord(bytes, type, data, end, { name: owner.name, ttl: ttl > MAX_TTL ? 0 : ttl })
    if (typeof record === 'string') return record
    if (record !== undefined) records.push(record)
  }
  return { records, end: at }
}

function readRecord(
  bytes: Buffer,
  type: number,
  data: number,
  end: number,
  common: Common,
): DnsRecord | string | undefined {
  switch (type) {
    case RECORD_TYPES.A:
      if (end - data !== 4) return 'has an A record of another length'
      return { ...common, type: 'A', address: bytes.subarray(data, end).join('.') }
    case RECORD_TYPES.AAAA:
      if (end - data !== 16) return 'has an AAAA record of another length'
      return { ...common, type: 'AAAA', address: addressText(bytes.subarray(data, end)) }
    case RECORD_TYPES.CNAME: {
      const target = decodeName(bytes, data)
      if (typeof target === 'string') return target
      return target.end === end
        ? { ...common, type: 'CNAME', target: target.name }
        : 'has a CNAME record of another length'
    }
    case RECORD_TYPES.SRV: {
      if (end - data < 7) return 'has an SRV record of another length'
      const target = decodeName(bytes, data + 6)
      if (typeof target === 'string') return target
      if (target.end !== end) return 'has an SRV record of another length'
      const [priority, weight, port] = [0, 2, 4].map((offset) => bytes.readUInt16BE(data + offset))
      return { ...common, type: 'SRV', priority, weight, port, target: target.name }
    }
    case RECORD_TYPES.SOA: {
      const primary = decodeName(bytes, data)
      if (typeof primary === 'string') return primary
      const mailbox = decodeName(bytes, primary.end)
      if (typeof mailbox === 'string') return mailbox
      if (mailbox.end + 20 !== end) return 'has an SOA record of another length'
      return { ...common, type: 'SOA', minimum: bytes.readUInt32BE(mailbox.end + 16) }
    }
    default:
      return undefined
  }
}

/** As RFC 5952 writes it. */
function addressText(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':')
  // The one parser of addresses that is at hand everywhere.
  return new URL(`http://[${groups}]`).hostname.slice(1, -1)
}

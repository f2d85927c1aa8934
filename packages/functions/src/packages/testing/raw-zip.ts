import { crc32, deflateRawSync } from 'node:zlib'

/** One entry, written as it is said, however wrong. */
export interface RawEntry {
  readonly name: string | Buffer
  readonly content?: Buffer | string
  /** 0 stored, 8 deflated (default), anything. */
  readonly method?: number
  /** What the headers say in place of the truth. */
  readonly declaredSize?: number
  readonly declaredPackedSize?: number
  readonly declaredCrc?: number
  /** Unix mode with its type bits; undefined: made on DOS. */
  readonly unixMode?: number
  readonly flags?: number
  /** Its data begin where those of the entry with this index do. */
  readonly sameDataAs?: number
}

/** A zip by hand, for what no honest tool writes. */
export function rawZip(entries: readonly RawEntry[], declaredCount = entries.length): Buffer {
  const pieces: Buffer[] = []
  const directory: Buffer[] = []
  const offsets: number[] = []
  let offset = 0
  for (const entry of entries) {
    const { method = 8, flags = 0x800, sameDataAs } = entry
    const name = Buffer.from(entry.name as string)
    const content = Buffer.from(entry.content ?? '')
    const packed = method === 8 ? deflateRawSync(content) : content
    const head = Buffer.alloc(26)
    head.writeUInt16LE(20, 0)
    head.writeUInt16LE(flags, 2)
    head.writeUInt16LE(method, 4)
    head.writeUInt32LE(entry.declaredCrc ?? crc32(content), 10)
    head.writeUInt32LE(entry.declaredPackedSize ?? packed.length, 14)
    head.writeUInt32LE(entry.declaredSize ?? content.length, 18)
    head.writeUInt16LE(name.length, 22)
    offsets.push(sameDataAs === undefined ? offset : offsets[sameDataAs]!)
    if (sameDataAs === undefined) {
      const local = Buffer.concat([Buffer.from('PK\x03\x04'), head, name, packed])
      pieces.push(local)
      offset += local.length
    }
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(entry.unixMode === undefined ? 0 : (entry.unixMode << 16) >>> 0, 6)
    tail.writeUInt32LE(offsets.at(-1)!, 10)
    const madeBy = Buffer.from([20, entry.unixMode === undefined ? 0 : 3])
    directory.push(Buffer.from('PK\x01\x02'), madeBy, head, tail, name)
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(declaredCount, 8)
  end.writeUInt16LE(declaredCount, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...pieces, central, end])
}

import hpack from 'hpack.js'
import type { Pair } from './recording-sink.ts'

/** The other implementation, for differential tests. */
export class ReferenceEncoder {
  private readonly compressor

  constructor(maxTableSize = 4096) {
    this.compressor = hpack.compressor.create({ table: { maxSize: maxTableSize } })
  }

  encode(fields: readonly { name: string; value: string; neverIndex: boolean; incremental: boolean }[]): Buffer {
    this.compressor.write(fields)
    return Buffer.from((this.compressor.read() as Uint8Array | null) ?? [])
  }

  /** The bytes that tell the other side of it: they begin the next block. Empties the table, as that package forgets none of it. */
  changeTableSize(): Buffer {
    this.compressor.reset()
    return this.compressor.read() as Buffer
  }
}

export class ReferenceDecoder {
  private readonly decompressor
  private error: Error | undefined

  constructor(maxTableSize = 4096) {
    this.decompressor = hpack.decompressor.create({ table: { maxSize: maxTableSize } })
    this.decompressor.on('error', (error: Error) => (this.error = error))
  }

  get tableSize(): number {
    return this.decompressor._table.size
  }

  setMaxTableSize(size: number): void {
    this.decompressor._table.protocolMaxSize = size
  }

  /** Throws what the package thinks is wrong. */
  decode(bytes: Buffer): Pair[] {
    this.decompressor.write(bytes)
    this.decompressor.execute()
    const pairs: Pair[] = []
    for (;;) {
      const field = this.decompressor.read() as { name: string; value: string; neverIndex: boolean } | null
      if (field === null) break
      pairs.push([field.name, field.value, field.neverIndex])
    }
    if (this.error !== undefined) throw this.error
    return pairs
  }
}

/** What the tests use of the package, which has no types. */
declare module 'hpack.js' {
  import type { Duplex } from 'node:stream'

  interface HpackJsField {
    name: string
    value: string
    /** Of the decompressor: whether it was never indexed; of the compressor: whether it is to be. */
    neverIndex?: boolean
    incremental?: boolean
    huffman?: boolean
  }
  interface Table {
    maxSize: number
    protocolMaxSize: number
    size: number
  }
  interface Compressor extends Duplex {
    updateTableSize(size: number): void
    reset(): void
  }
  interface Decompressor extends Duplex {
    _table: Table
    execute(): void
  }
  const hpack: {
    compressor: { create(options: { table: { maxSize: number } }): Compressor }
    decompressor: { create(options: { table: { maxSize: number } }): Decompressor }
  }
  export default hpack
}

import { BLOCK, parsePax, parseTarHeader, type TarHeader } from './tar-header.ts'

/** Of pax records and long names: paths have 4,096 bytes at most, attributes a few more. */
const MAX_EXTENSION_BYTES = 1024 * 1024

/** What is no tar archive, or one that is cut off. */
export class TarError extends Error {
  override readonly name = 'TarError'
}

/** Reads a tar archive as it comes. The content of an entry is read before the next entry, or skipped. */
export class TarStream {
  readonly #chunks: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)
  /** Of the current entry: not read yet. */
  #left = 0
  #padding = 0

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** @returns undefined at the end. Throws TarError */
  async next(): Promise<TarHeader | undefined> {
    let pax = new Map<string, string>()
    let longName: string | undefined
    let longLink: string | undefined
    for (;;) {
      await this.#skip()
      const block = await this.#take(BLOCK)
      if (block === undefined) return undefined
      const header = parseTarHeader(block)
      if (header === undefined) return undefined
      if (typeof header === 'string') throw new TarError(header)
      this.#begin(header.size)
      if (header.type === 'x') pax = pairs(parsePax(await this.#extension(header)))
      else if (header.type === 'L') longName = nameOf(await this.#extension(header))
      else if (header.type === 'K') longLink = nameOf(await this.#extension(header))
      else if (header.type !== 'g') return this.#entry(header, pax, longName, longLink)
    }
  }

  /** Pieces of the current entry's content. */
  async *content(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      if (this.#buffer.length === 0) await this.#fill()
      const piece = this.#buffer.subarray(0, this.#left)
      this.#buffer = this.#buffer.subarray(piece.length)
      this.#left -= piece.length
      yield piece
    }
  }

  /** Reads on to the end of the stream, so that its checksum is that of all of it. */
  async drain(): Promise<void> {
    while ((await this.#chunks.next()).done !== true);
  }

  #entry(header: TarHeader, pax: Map<string, string>, longName?: string, longLink?: string): TarHeader {
    const size = pax.get('size')
    if (size !== undefined) {
      if (!/^\d{1,15}$/.test(size)) throw new TarError('a pax header has a size that no file has')
      this.#begin(Number(size))
    }
    return {
      ...header,
      name: pax.get('path') ?? longName ?? header.name,
      link: pax.get('linkpath') ?? longLink ?? header.link,
      size: size === undefined ? header.size : Number(size),
    }
  }

  #begin(size: number): void {
    this.#left = size
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK
  }

  async #extension({ size }: TarHeader): Promise<Buffer> {
    if (size > MAX_EXTENSION_BYTES) throw new TarError('a header is larger than headers can be')
    const pieces: Buffer[] = []
    for await (const piece of this.content()) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  async #skip(): Promise<void> {
    let count = this.#left + this.#padding
    this.#left = this.#padding = 0
    while (count > 0) {
      if (this.#buffer.length === 0) await this.#fill()
      const skipped = Math.min(count, this.#buffer.length)
      this.#buffer = this.#buffer.subarray(skipped)
      count -= skipped
    }
  }

  /** @returns undefined when the stream is at its end */
  async #take(count: number): Promise<Buffer | undefined> {
    while (this.#buffer.length < count) {
      const { value, done } = await this.#chunks.next()
      if (done === true) {
        if (this.#buffer.length === 0) return undefined
        throw new TarError('the archive is cut off')
      }
      this.#buffer = this.#buffer.length === 0 ? value : Buffer.concat([this.#buffer, value])
    }
    const taken = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return taken
  }

  async #fill(): Promise<void> {
    const { value, done } = await this.#chunks.next()
    if (done === true) throw new TarError('the archive is cut off')
    this.#buffer = value
  }
}

function pairs(records: Map<string, string> | string): Map<string, string> {
  if (typeof records === 'string') throw new TarError(records)
  return records
}

const nameOf = (bytes: Buffer): string =>
  bytes.toString('utf8', 0, bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length)

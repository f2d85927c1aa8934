/** Why a module is not taken; for people. */
export class ModuleRefused extends Error {}

/** Reads a binary that `WebAssembly.validate` found good: numbers are LEB128 (core specification 5.2.2). */
export class BinaryReader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get done(): boolean {
    return this.at >= this.end
  }

  byte(): number {
    if (this.at >= this.end) throw new ModuleRefused('the module ends too early')
    return this.bytes[this.at++]
  }

  /** Unsigned, 32 bits. */
  u32(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new ModuleRefused('the module has a number that is none')
  }

  /** A number of any width and sign, whose value does not matter. */
  skipNumber(): void {
    while (this.byte() >= 0x80);
  }

  skip(bytes: number): void {
    this.at += bytes
    if (this.at > this.end) throw new ModuleRefused('the module ends too early')
  }

  name(): string {
    const length = this.u32()
    const start = this.at
    this.skip(length)
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString('utf8')
  }

  /** Limits of a table or memory. */
  limits(): { readonly flags: number; readonly minimum: number; readonly maximum: number | undefined } {
    const flags = this.byte()
    const minimum = this.u32()
    return { flags, minimum, maximum: (flags & 1) === 1 ? this.u32() : undefined }
  }
}

/** Unsigned LEB128. */
export function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return bytes
}

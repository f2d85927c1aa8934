/** A small ELF file with a loader and a dynamic string table, as far as they are asked for. */
export function elf(wanted: { machine?: number; loader?: string; strings?: readonly string[] }): Buffer {
  const loader = Buffer.from(`${wanted.loader ?? ''}\0`)
  const strings = Buffer.from(`\0${(wanted.strings ?? []).join('\0')}\0`)
  const segments: { type: number; offset: number; bytes: number }[] = []
  const loaderAt = 64 + 3 * 56
  const dynamicAt = loaderAt + loader.length
  const stringsAt = dynamicAt + 32
  if (wanted.loader !== undefined) segments.push({ type: 3, offset: loaderAt, bytes: loader.length })
  if (wanted.strings !== undefined) {
    segments.push({ type: 1, offset: 0, bytes: stringsAt + strings.length }, { type: 2, offset: dynamicAt, bytes: 32 })
  }
  const file = Buffer.alloc(stringsAt + strings.length)
  file.write('7f454c460201', 0, 'hex')
  file.writeUInt16LE(wanted.machine ?? 0x3e, 18)
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(segments.length, 56)
  segments.forEach(({ type, offset, bytes }, index) => {
    const at = 64 + index * 56
    file.writeUInt32LE(type, at)
    file.writeBigUInt64LE(BigInt(offset), at + 8)
    file.writeBigUInt64LE(BigInt(offset) + BASE, at + 16)
    file.writeBigUInt64LE(BigInt(bytes), at + 32)
  })
  loader.copy(file, loaderAt)
  const entries = [5n, BigInt(stringsAt) + BASE, 10n, BigInt(strings.length)]
  entries.forEach((value, index) => file.writeBigUInt64LE(value, dynamicAt + index * 8))
  strings.copy(file, stringsAt)
  return file
}

/** Where its bytes would be in memory. */
const BASE = 0x40_0000n

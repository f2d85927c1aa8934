/** What a 64-bit little-endian ELF file asks of the host it runs on. */
export interface ElfFile {
  /** `x64`, `arm64`, or the number of the machine. */
  readonly machine: string
  /** Path of the dynamic loader; undefined: the program is static. */
  readonly loader: string | undefined
  /** Minor version of the newest glibc 2.x symbol it uses; undefined: none. */
  readonly glibcMinor: number | undefined
}

const MACHINES: Readonly<Record<number, string>> = { 0x3e: 'x64', 0xb7: 'arm64' }
const SEGMENT_BYTES = 56
const [PT_LOAD, PT_DYNAMIC, PT_INTERP] = [1, 2, 3]
const [DT_STRTAB, DT_STRSZ] = [5n, 10n]
/** Programs have a dozen segments. */
const MAX_SEGMENTS = 64

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: bigint
  readonly bytes: number
}

/**
 * Reads as much of an executable as helps to say why it does not start (System V ABI, chapters 4 and 5).
 * @returns undefined when it is no such file or is cut short
 */
export function parseElf(file: Buffer): ElfFile | undefined {
  if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) return undefined
  const machine = file.readUInt16LE(18)
  const segments = segmentsOf(file)
  const interpreter = segments.find(({ type }) => type === PT_INTERP)
  return {
    machine: MACHINES[machine] ?? String(machine),
    loader: interpreter && textOf(file, interpreter),
    glibcMinor: newestGlibc(file, segments),
  }
}

function segmentsOf(file: Buffer): readonly Segment[] {
  const start = Number(file.readBigUInt64LE(32))
  const count = Math.min(file.readUInt16LE(56), MAX_SEGMENTS)
  const segments: Segment[] = []
  for (let at = start; segments.length < count && at + SEGMENT_BYTES <= file.length; at += SEGMENT_BYTES) {
    segments.push({
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: file.readBigUInt64LE(at + 16),
      bytes: Number(file.readBigUInt64LE(at + 32)),
    })
  }
  return segments
}

const textOf = (file: Buffer, { offset, bytes }: Segment): string =>
  file.toString('latin1', offset, offset + bytes).replace(/\0.*$/s, '')

/** Versions of symbols are strings of the dynamic string table: `GLIBC_2.34`. */
function newestGlibc(file: Buffer, segments: readonly Segment[]): number | undefined {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
  if (dynamic === undefined) return undefined
  const entries = new Map<bigint, bigint>()
  const end = Math.min(dynamic.offset + dynamic.bytes, file.length)
  for (let at = dynamic.offset; at + 16 <= end; at += 16)
    entries.set(file.readBigUInt64LE(at), file.readBigUInt64LE(at + 8))
  const address = entries.get(DT_STRTAB)
  const bytes = entries.get(DT_STRSZ)
  if (address === undefined || bytes === undefined) return undefined
  const home = segments.find(
    (segment) =>
      segment.type === PT_LOAD && address >= segment.address && address < segment.address + BigInt(segment.bytes),
  )
  if (home === undefined) return undefined
  const offset = home.offset + Number(address - home.address)
  const names = file.toString('latin1', offset, offset + Number(bytes))
  const versions = [...names.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
  return versions.length === 0 ? undefined : Math.max(...versions)
}

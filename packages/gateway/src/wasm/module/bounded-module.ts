import { BinaryReader, leb, ModuleRefused } from './binary-reader.ts'
import { type Instruction, instruction, isBulk, LOOP } from './instructions.ts'

/** Exports that are added. */
export const FUEL_EXPORT = 'sekisho_fuel'
export const START_EXPORT = 'sekisho_start'
/** Bytes of a page (core specification 4.2.8). */
export const PAGE_BYTES = 65_536

const TYPE = 1
const IMPORT = 2
const FUNCTION = 3
const MEMORY = 5
const GLOBAL = 6
const EXPORT = 7
const START = 8
const CODE = 10
const I32 = 0x7f

/** The order of sections; the tag section (13) stands between memory and global, data count (12) before code. */
const ORDER = [TYPE, IMPORT, FUNCTION, 4, MEMORY, 13, GLOBAL, EXPORT, START, 9, 12, CODE, 11]

export interface ModuleBounds {
  /** Its memory can grow to so many pages. */
  readonly maxPages: number
  /** Count loops and calls, so that an endless one ends. */
  readonly metered: boolean
  /** It imports its memory, which the host caps. */
  readonly importsMemory?: boolean
  /**
   * Index of an imported function without parameters and results that is called when the global is below 0, in place of a trap: it sets the
   * global anew, or throws.
   */
  readonly onEmpty?: number | undefined
}

/**
 * Rewrites a module of a stranger so that it cannot do without end. A thread cannot be interrupted while WebAssembly runs in it, and a memory that
 * a module declares itself cannot be capped from outside; so
 *
 * - the memory gets a maximum,
 * - a global counts down at each entry of a function and each turn of a loop, and by the length of bulk operations; below 0 the module traps,
 * - the start function is no longer run by the engine but exported: it runs when the host is ready, on the same budget.
 *
 * What is added stands behind what is there, so no index changes. Without metering nothing of the code is looked at.
 *
 *     global.get $fuel  i32.const 1  i32.sub  global.set $fuel  global.get $fuel  i32.const 0  i32.lt_s  if  unreachable  end
 *
 * @param binary that `WebAssembly.validate` found good
 * @throws ModuleRefused
 */
export function boundedModule(binary: Uint8Array, bounds: ModuleBounds): Uint8Array {
  const { maxPages, metered, importsMemory = false, onEmpty } = bounds
  const sections = sectionsOf(binary)
  const counts = countsOf(sections, importsMemory)
  const fuel = counts.globals
  const exports: number[][] = []
  const memory = sections.get(MEMORY)
  if (memory !== undefined) sections.set(MEMORY, cappedMemory(memory, maxPages))
  else if (!importsMemory) throw new ModuleRefused('the module has no memory')
  const start = sections.get(START)
  if (start !== undefined) {
    exports.push(exportEntry(START_EXPORT, 0, new BinaryReader(start).u32()))
    sections.delete(START)
  }
  if (metered) {
    const charge = counts.functions
    append(sections, TYPE, [[0x60, 1, I32, 1, I32]])
    append(sections, FUNCTION, [leb(counts.types)])
    append(sections, GLOBAL, [[I32, 1, ...i32Const(0x7fff_ffff), 0x0b]])
    exports.push(exportEntry(FUEL_EXPORT, 3, fuel))
    const code = sections.get(CODE)
    sections.set(CODE, meteredCode(code ?? new Uint8Array([0]), { fuel, onEmpty }, charge))
  }
  append(sections, EXPORT, exports)
  return assembled(sections)
}

type Sections = Map<number, Uint8Array>

/** Custom sections are left out, but for the names of functions: they stand in the log when a module traps. */
function sectionsOf(binary: Uint8Array): Sections {
  const sections: Sections = new Map()
  const reader = new BinaryReader(binary, 8)
  while (!reader.done) {
    const id = reader.byte()
    const size = reader.u32()
    const start = reader.at
    reader.skip(size)
    const content = binary.subarray(start, reader.at)
    if (id !== 0 || new BinaryReader(content).name() === 'name') sections.set(id, content)
  }
  return sections
}

function countsOf(sections: Sections, importsMemory: boolean): { types: number; functions: number; globals: number } {
  let functions = vectorLength(sections.get(FUNCTION))
  const imports = sections.get(IMPORT)
  if (imports !== undefined) {
    const reader = new BinaryReader(imports)
    for (let left = reader.u32(); left > 0; left--) {
      const from = `${reader.name()}.${reader.name()}`
      const kind = reader.byte()
      if (kind === 2 && importsMemory) {
        reader.limits()
        continue
      }
      if (kind !== 0) throw new ModuleRefused(`the module imports "${from}", which is no function`)
      reader.skipNumber()
      functions++
    }
  }
  // Only functions are imported: no global stands before those of the module.
  return { types: vectorLength(sections.get(TYPE)), functions, globals: vectorLength(sections.get(GLOBAL)) }
}

const vectorLength = (content: Uint8Array | undefined): number =>
  content === undefined ? 0 : new BinaryReader(content).u32()

function cappedMemory(content: Uint8Array, maxPages: number): Uint8Array {
  const reader = new BinaryReader(content)
  const count = reader.u32()
  const { flags, minimum, maximum } = reader.limits()
  if (count !== 1 || flags > 1) throw new ModuleRefused('the module has a shared or 64-bit memory, or several')
  if (minimum > maxPages) {
    throw new ModuleRefused(
      `the module begins with ${minimum * PAGE_BYTES} bytes of memory; the limit (max_memory) is ${maxPages * PAGE_BYTES}`,
    )
  }
  return Uint8Array.from([1, 1, ...leb(minimum), ...leb(Math.min(maximum ?? maxPages, maxPages))])
}

/** More entries behind those of a section, or a section of them. */
function append(sections: Sections, id: number, entries: readonly number[][]): void {
  const content = sections.get(id) ?? new Uint8Array([0])
  const reader = new BinaryReader(content)
  const count = reader.u32()
  sections.set(
    id,
    Buffer.concat([Buffer.from(leb(count + entries.length)), content.subarray(reader.at), Buffer.from(entries.flat())]),
  )
}

function exportEntry(name: string, kind: number, index: number): number[] {
  const bytes = [...Buffer.from(name)]
  return [...leb(bytes.length), ...bytes, kind, ...leb(index)]
}

interface Meter {
  /** Index of the global. */
  readonly fuel: number
  readonly onEmpty: number | undefined
}

function meteredCode(content: Uint8Array, counter: Meter, charge: number): Uint8Array {
  const meter = Buffer.from(countDown(counter, i32Const(1)))
  const callCharge = Buffer.from([0x10, ...leb(charge)])
  const reader = new BinaryReader(content)
  const count = reader.u32()
  const parts: Uint8Array[] = [Buffer.from(leb(count + 1))]
  for (let left = count; left > 0; left--) {
    const size = reader.u32()
    const body = meteredBody(content.subarray(reader.at, reader.at + size), meter, callCharge)
    reader.skip(size)
    parts.push(Buffer.from(leb(body.length)), body)
  }
  // charge(n): takes a unit for each 64 bytes (or elements), and returns n. `shr_u`: a length is unsigned.
  const chargeBody = [0, ...countDown(counter, [0x20, 0, ...i32Const(6), 0x76]), 0x20, 0, 0x0b]
  parts.push(Buffer.from(leb(chargeBody.length)), Buffer.from(chargeBody))
  return Buffer.concat(parts)
}

/** One function: locals, then instructions. */
function meteredBody(body: Uint8Array, meter: Uint8Array, callCharge: Uint8Array): Uint8Array {
  const reader = new BinaryReader(body)
  for (let groups = reader.u32(); groups > 0; groups--) {
    reader.skipNumber()
    reader.skipNumber()
  }
  const parts: Uint8Array[] = [body.subarray(0, reader.at), meter]
  const found: Instruction = { opcode: 0, suboperation: -1 }
  let copied = reader.at
  while (!reader.done) {
    const start = reader.at
    instruction(reader, found)
    if (found.opcode === LOOP) {
      parts.push(body.subarray(copied, reader.at), meter)
      copied = reader.at
    } else if (isBulk(found)) {
      parts.push(body.subarray(copied, start), callCharge)
      copied = start
    }
  }
  parts.push(body.subarray(copied))
  return Buffer.concat(parts)
}

/** Takes what `amount` leaves on the stack from the global, and traps, or calls the host, when that is then below 0. */
const countDown = ({ fuel, onEmpty }: Meter, amount: readonly number[]): number[] => {
  const global = leb(fuel)
  return [
    0x23,
    ...global,
    ...amount,
    0x6b,
    0x24,
    ...global,
    0x23,
    ...global,
    ...i32Const(0),
    0x48,
    0x04,
    0x40,
    ...(onEmpty === undefined ? [0x00] : [0x10, ...leb(onEmpty)]),
    0x0b,
  ]
}

/** Signed LEB128, for what is not negative. */
function i32Const(value: number): number[] {
  const bytes = leb(value)
  // The top bit of the last byte is the sign.
  const last = bytes.at(-1) as number
  if ((last & 0x40) !== 0) bytes.splice(-1, 1, last | 0x80, 0)
  return [0x41, ...bytes]
}

function assembled(sections: Sections): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])]
  for (const id of [...ORDER, 0]) {
    const content = sections.get(id)
    if (content !== undefined) parts.push(Buffer.from([id, ...leb(content.length)]), content)
  }
  return Buffer.concat(parts)
}

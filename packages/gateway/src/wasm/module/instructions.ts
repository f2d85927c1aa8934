import { type BinaryReader, ModuleRefused } from './binary-reader.ts'

export const LOOP = 0x03
/** `memory.fill` and its like do more work the longer their last operand is. This opcode is their prefix. */
export const BULK_PREFIX = 0xfc

/** What `instruction` found. */
export interface Instruction {
  opcode: number
  /** Behind a prefix; else -1. */
  suboperation: number
}

/**
 * Passes over one instruction and its immediates (core specification 5.4, with bulk memory, reference types, SIMD and tail calls).
 * @throws ModuleRefused for one of a later proposal (threads, exceptions, garbage collection)
 */
export function instruction(reader: BinaryReader, into: Instruction): void {
  const opcode = reader.byte()
  into.opcode = opcode
  into.suboperation = -1
  if (opcode >= 0x45 && opcode <= 0xc4) return
  if (opcode >= 0x20 && opcode <= 0x26) return reader.skipNumber()
  if (opcode >= 0x28 && opcode <= 0x3e) return memoryArgument(reader)
  switch (opcode) {
    // unreachable, nop, else, end, return, drop, select, ref.is_null
    case 0x00:
    case 0x01:
    case 0x05:
    case 0x0b:
    case 0x0f:
    case 0x1a:
    case 0x1b:
    case 0xd1:
      return
    // block, loop, if
    case 0x02:
    case 0x03:
    case 0x04:
      return blockType(reader)
    // br, br_if, call, return_call, memory.size, memory.grow, i32.const, i64.const, ref.null, ref.func
    case 0x0c:
    case 0x0d:
    case 0x10:
    case 0x12:
    case 0x3f:
    case 0x40:
    case 0x41:
    case 0x42:
    case 0xd0:
    case 0xd2:
      return reader.skipNumber()
    // br_table
    case 0x0e:
      for (let left = reader.u32() + 1; left > 0; left--) reader.skipNumber()
      return
    // call_indirect, return_call_indirect
    case 0x11:
    case 0x13:
      reader.skipNumber()
      return reader.skipNumber()
    // select with types
    case 0x1c:
      for (let left = reader.u32(); left > 0; left--) reader.skipNumber()
      return
    case 0x43:
      return reader.skip(4)
    case 0x44:
      return reader.skip(8)
    case BULK_PREFIX:
      into.suboperation = reader.u32()
      return bulk(reader, into.suboperation)
    case 0xfd:
      into.suboperation = reader.u32()
      return vector(reader, into.suboperation)
    default:
      throw unknown(opcode)
  }
}

/** Whether the top of the stack is how many bytes or elements this one works on. */
export const isBulk = ({ opcode, suboperation }: Instruction): boolean =>
  opcode === BULK_PREFIX && BULK.has(suboperation)

/** memory.init, memory.copy, memory.fill, table.init, table.copy, table.grow, table.fill */
const BULK: ReadonlySet<number> = new Set([8, 10, 11, 12, 14, 15, 17])

function blockType(reader: BinaryReader): void {
  const first = reader.bytes[reader.at]
  // Typed references (garbage collection) have a second part.
  if (first === 0x63 || first === 0x64) throw unknown(first)
  reader.skipNumber()
}

function memoryArgument(reader: BinaryReader): void {
  const alignment = reader.u32()
  if ((alignment & 0x40) !== 0) reader.skipNumber()
  reader.skipNumber()
}

function bulk(reader: BinaryReader, suboperation: number): void {
  if (suboperation <= 7) return
  if (suboperation > 17) throw unknown(BULK_PREFIX)
  reader.skipNumber()
  if (suboperation === 8 || suboperation === 10 || suboperation === 12 || suboperation === 14) reader.skipNumber()
}

function vector(reader: BinaryReader, suboperation: number): void {
  if (suboperation <= 11 || suboperation === 92 || suboperation === 93) memoryArgument(reader)
  else if (suboperation === 12 || suboperation === 13) reader.skip(16)
  else if (suboperation >= 21 && suboperation <= 34) reader.skip(1)
  else if (suboperation >= 84 && suboperation <= 91) {
    memoryArgument(reader)
    reader.skip(1)
  } else if (suboperation > 275) throw unknown(0xfd)
}

const unknown = (opcode: number): ModuleRefused =>
  new ModuleRefused(
    `the module uses an instruction (0x${opcode.toString(16)}) of a WebAssembly proposal that is not supported, such as threads or exceptions`,
  )

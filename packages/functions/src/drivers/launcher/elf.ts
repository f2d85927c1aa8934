import { interpreterForArm64 } from './arm64.ts'
import { SCRIPT_ADDRESS, SCRIPT_CAPACITY } from './interpreter-layout.ts'
import type { Machine } from './machine.ts'
import { interpreterForX64 } from './x64.ts'

const LOAD_ADDRESS = 0x40_0000
const FILE_HEADER_BYTES = 64
const SEGMENT_HEADER_BYTES = 56
const PT_LOAD = 1
/** Says that the stack need not be executable. */
const PT_GNU_STACK = 0x6474_e551
const EXECUTABLE = 1
const WRITABLE = 2
const READABLE = 4
const MACHINES = { x64: 62, arm64: 183 } as const

/**
 * The launcher: a static executable of some 400 bytes, made here because Node.js cannot run code between fork(2) and execve(2), and because
 * a program that ships as source cannot ship binaries. See elf(5).
 */
export function launcherFile(machine: Machine): Buffer {
  const code = machine === 'x64' ? interpreterForX64() : interpreterForArm64()
  const segments = [
    { type: PT_LOAD, flags: READABLE | EXECUTABLE, address: LOAD_ADDRESS, inFile: 0, inMemory: 0 },
    { type: PT_LOAD, flags: READABLE | WRITABLE, address: SCRIPT_ADDRESS, inFile: 0, inMemory: SCRIPT_CAPACITY },
    { type: PT_GNU_STACK, flags: READABLE | WRITABLE, address: 0, inFile: 0, inMemory: 0 },
  ]
  const codeOffset = FILE_HEADER_BYTES + segments.length * SEGMENT_HEADER_BYTES
  const file = Buffer.alloc(codeOffset + code.length)
  segments[0]!.inFile = segments[0]!.inMemory = file.length

  file.write('\x7fELF', 0, 'latin1')
  file.set([2, 1, 1], 4) // 64 bits, little-endian, version 1
  file.writeUInt16LE(2, 16) // ET_EXEC
  file.writeUInt16LE(MACHINES[machine], 18)
  file.writeUInt32LE(1, 20)
  writeAddress(file, 24, LOAD_ADDRESS + codeOffset) // entry
  writeAddress(file, 32, FILE_HEADER_BYTES) // of the segments' headers
  file.writeUInt16LE(FILE_HEADER_BYTES, 52)
  file.writeUInt16LE(SEGMENT_HEADER_BYTES, 54)
  file.writeUInt16LE(segments.length, 56)

  segments.forEach((segment, index) => {
    const at = FILE_HEADER_BYTES + index * SEGMENT_HEADER_BYTES
    file.writeUInt32LE(segment.type, at)
    file.writeUInt32LE(segment.flags, at + 4)
    writeAddress(file, at + 16, segment.address)
    writeAddress(file, at + 24, segment.address)
    writeAddress(file, at + 32, segment.inFile)
    writeAddress(file, at + 40, segment.inMemory)
    writeAddress(file, at + 48, 0x1_0000) // alignment: the largest page of either machine
  })
  code.copy(file, codeOffset)
  return file
}

function writeAddress(file: Buffer, at: number, value: number): void {
  file.writeUInt32LE(value, at) // every address of ours is below 4 GiB
}

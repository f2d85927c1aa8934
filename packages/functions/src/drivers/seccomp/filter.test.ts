import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { findSystemCall, type SystemCall } from '../launcher/system-calls.ts'
import { ALLOW, KILL_PROCESS, refuse } from './bpf.ts'
import {
  ALLOWED_FAMILIES,
  ALLOWED_PERSONALITIES,
  NEW_NAMESPACES,
  REFUSED_CALLS,
  REFUSED_CONTROLS,
  systemCallFilter,
} from './filter.ts'

const { EPERM, ENOSYS, EAFNOSUPPORT } = constants.errno
const ARCHITECTURES = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const

/** `struct seccomp_data` */
function callData(architecture: number, number: number, parameters: readonly number[] = []): Buffer {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number >>> 0, 0)
  data.writeUInt32LE(architecture, 4)
  parameters.forEach((value, index) => data.writeUInt32LE(value >>> 0, 16 + index * 8))
  return data
}

/** Runs classic BPF as the kernel would, and refuses what its checker refuses. */
function decisionOf(program: Buffer, data: Buffer): number {
  let accumulator = 0
  for (let at = 0; ; at += 8) {
    if (at >= program.length) throw new Error('the program runs past its end')
    const code = program.readUInt16LE(at)
    const operand = program.readUInt32LE(at + 4)
    const jump = (holds: boolean): void => {
      at += 8 * program.readUInt8(at + (holds ? 2 : 3))
    }
    if (code === 0x20) accumulator = data.readUInt32LE(operand)
    else if (code === 0x54) accumulator = (accumulator & operand) >>> 0
    else if (code === 0x15) jump(accumulator === operand)
    else if (code === 0x35) jump(accumulator >= operand)
    else if (code === 0x06) return operand
    else throw new Error(`instruction ${code.toString(16)} at ${at / 8}`)
  }
}

describe.each(['x64', 'arm64'] as const)('the filter of system calls for %s', (machine) => {
  const program = systemCallFilter(machine)
  const architecture = ARCHITECTURES[machine]
  const decide = (number: number, ...parameters: number[]): number =>
    decisionOf(program, callData(architecture, number, parameters))
  const decideCall = (call: SystemCall, ...parameters: number[]): number =>
    decide(findSystemCall(call, machine)!, ...parameters)
  const conditional: readonly SystemCall[] = ['clone', 'clone3', 'socket', 'personality', 'ioctl']

  test('is short enough for the kernel', () => {
    expect(program.length / 8).toBeLessThanOrEqual(4096)
  })

  test('another architecture ends the process', () => {
    for (const other of [0, 0x4000_0003, machine === 'x64' ? ARCHITECTURES.arm64 : ARCHITECTURES.x64]) {
      expect(decisionOf(program, callData(other, 1))).toBe(KILL_PROCESS)
    }
  })

  test('every number is decided as the table says', () => {
    const refused = new Set(REFUSED_CALLS.map((call) => findSystemCall(call, machine)))
    const special = new Set(conditional.map((call) => findSystemCall(call, machine)))
    for (let number = 0; number < 700; number++) {
      if (!special.has(number)) expect(decide(number)).toBe(refused.has(number) ? refuse(EPERM) : ALLOW)
    }
  })

  test('calls of another ABI by their high numbers end the process', () => {
    if (machine !== 'x64') return
    for (const number of [0x4000_0000, 0x4000_0000 + 165, 0xffff_ffff]) expect(decide(number)).toBe(KILL_PROCESS)
  })

  test('processes and threads may be made, namespaces not', () => {
    expect(decideCall('clone', 17)).toBe(ALLOW)
    expect(decideCall('clone', 0x3d0f00)).toBe(ALLOW) // pthread_create
    for (let bit = 0; bit < 32; bit++) {
      const flag = (1 << bit) >>> 0
      expect(decideCall('clone', flag | 17)).toBe((flag & NEW_NAMESPACES) === 0 ? ALLOW : refuse(EPERM))
    }
    expect(decideCall('clone3', 0, 88)).toBe(refuse(ENOSYS))
  })

  test('sockets are of the families that programs use', () => {
    for (let family = 0; family < 64; family++) {
      expect(decideCall('socket', family, 1)).toBe(ALLOWED_FAMILIES.includes(family) ? ALLOW : refuse(EAFNOSUPPORT))
    }
  })

  test('personalities and controls of terminals', () => {
    for (const value of [...ALLOWED_PERSONALITIES, 4, 0x4_0000, 0x2_0000 | 1]) {
      expect(decideCall('personality', value)).toBe(ALLOWED_PERSONALITIES.includes(value) ? ALLOW : refuse(EPERM))
    }
    for (const control of REFUSED_CONTROLS) expect(decideCall('ioctl', 0, control)).toBe(refuse(EPERM))
    expect(decideCall('ioctl', 0, 0x5413)).toBe(ALLOW)
  })

  test('whatever comes in is decided', () => {
    const seed = Date.now() % 1_000_000
    let state = seed
    const random = (): number => (state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) >>> 0
    const known = new Set([ALLOW, KILL_PROCESS, refuse(EPERM), refuse(ENOSYS), refuse(EAFNOSUPPORT)])
    for (let round = 0; round < 20_000; round++) {
      const data = Buffer.alloc(64)
      for (let at = 0; at < 64; at += 4) data.writeUInt32LE(random(), at)
      if (random() % 4 !== 0) data.writeUInt32LE(architecture, 4)
      if (random() % 2 === 0) data.writeUInt32LE(random() % 512, 0)
      expect(known.has(decisionOf(program, data)), `seed ${seed} round ${round}`).toBe(true)
    }
  })
})

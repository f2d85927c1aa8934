import { LENGTH_BYTES, NO_SCRIPT_STATUS, SCRIPT_ADDRESS, STEP } from './interpreter-layout.ts'

/** Registers that a system call does not touch: the current step, and how much of the script has arrived. */
const CURRENT = 19
const ARRIVED = 20
const EQUAL = 0
const CARRY_SET = 2
const CARRY_CLEAR = 3
const GREATER = 12

/**
 * The interpreter for AArch64. System calls take their number in `x8`, parameters in `x0` to `x5` and answer in `x0`.
 * Encodings: Arm Architecture Reference Manual for A-profile, C6.2.
 */
export function interpreterForArm64(): Buffer {
  const read = [
    movz(0, 0), //                     read: x0 = 0                       descriptor 0
    add(1, CURRENT, ARRIVED),
    movz(2, LENGTH_BYTES),
    load(3, CURRENT, 0),
    compare(ARRIVED, 2),
    select(2, 3, 2, CARRY_SET), //           the script, when its length is known
    sub(2, 2, ARRIVED),
    movz(8, 63), //                          read(2)
    SUPERVISOR_CALL,
    compareWith(0, 0),
    branchIf(GREATER, 4),
    movz(0, NO_SCRIPT_STATUS),
    movz(8, 94), //                          exit_group(2)
    SUPERVISOR_CALL,
    add(ARRIVED, ARRIVED, 0),
    load(1, CURRENT, 0),
    compare(ARRIVED, 1),
  ]
  const step = [
    load(8, CURRENT, STEP.number), //  step:
    ...[0, 1, 2, 3, 4, 5].map((index) => load(index, CURRENT, STEP.arguments + index * 8)),
    SUPERVISOR_CALL,
    store(0, CURRENT, STEP.result),
    load(1, CURRENT, STEP.into),
    store(0, 1, 0),
    load(2, CURRENT, STEP.next),
    load(3, CURRENT, STEP.whenError),
    compareWithNegative(0, 4095), //         carry: unsigned x0 >= -4095
    select(2, 2, 3, CARRY_CLEAR),
    load(3, CURRENT, STEP.whenZero),
    compareWith(0, 0),
    select(2, 3, 2, EQUAL),
    load(3, CURRENT, STEP.whenEqual),
    load(1, CURRENT, STEP.compare),
    load(1, 1, 0),
    compare(0, 1),
    select(CURRENT, 3, 2, EQUAL),
  ]
  const words = [
    movz(CURRENT, SCRIPT_ADDRESS >>> 16, 1),
    movz(ARRIVED, 0),
    ...read,
    branchIf(CARRY_CLEAR, -read.length),
    load(CURRENT, CURRENT, 8), //            the first step
    ...step,
    branch(-step.length),
  ]
  const code = Buffer.alloc(words.length * 4)
  words.forEach((word, index) => code.writeUInt32LE(word >>> 0, index * 4))
  return code
}

const SUPERVISOR_CALL = 0xd400_0001

/** `half` 1: the number is shifted left by 16. */
const movz = (to: number, value: number, half = 0): number => 0xd280_0000 | (half << 21) | (value << 5) | to
const add = (to: number, a: number, b: number): number => 0x8b00_0000 | (b << 16) | (a << 5) | to
const sub = (to: number, a: number, b: number): number => 0xcb00_0000 | (b << 16) | (a << 5) | to
const load = (to: number, base: number, offset: number): number => 0xf940_0000 | ((offset / 8) << 10) | (base << 5) | to
const store = (from: number, base: number, offset: number): number =>
  0xf900_0000 | ((offset / 8) << 10) | (base << 5) | from
const compare = (a: number, b: number): number => 0xeb00_001f | (b << 16) | (a << 5)
const compareWith = (a: number, value: number): number => 0xf100_001f | (value << 10) | (a << 5)
const compareWithNegative = (a: number, value: number): number => 0xb100_001f | (value << 10) | (a << 5)
/** `to = condition ? a : b` */
const select = (to: number, a: number, b: number, condition: number): number =>
  0x9a80_0000 | (b << 16) | (condition << 12) | (a << 5) | to
/** Distances count instructions from the branch itself. */
const branch = (distance: number): number => 0x1400_0000 | (distance & 0x03ff_ffff)
const branchIf = (condition: number, distance: number): number => 0x5400_0000 | ((distance & 0x7_ffff) << 5) | condition

/**
 * The launcher knows one thing: a script of system calls. This is the layout of both in memory. All numbers are 64 bits, little-endian.
 *
 *     SCRIPT_ADDRESS   +0   length of the whole script in bytes
 *                      +8   address of the first step
 *                      …    steps and data in any order
 *
 * A step makes one system call and names the step that follows it, by what the call returned.
 */
export const SCRIPT_ADDRESS = 0x2000_0000
/** A script may be so long: 2 x 10 extensions x 4 KiB of variables and their pointers fit several times. */
export const SCRIPT_CAPACITY = 0x10_0000
/** The launcher reads the length first and then no more than that: another script may follow, for the launcher that this one executes. */
export const LENGTH_BYTES = 8

/** Offsets in a step. */
export const STEP = {
  number: 0,
  /** Six. */
  arguments: 8,
  /** Address to which the result is copied. */
  into: 56,
  /** Address of a value; when the result equals it, `whenEqual` is next. It is looked at before the others. */
  compare: 64,
  whenEqual: 72,
  whenZero: 80,
  /** Next after an error: a result of -4095 to -1. */
  whenError: 88,
  next: 96,
  /** The launcher writes the result here. */
  result: 104,
  bytes: 112,
} as const

/** The launcher ends with this status when its script does not arrive whole. */
export const NO_SCRIPT_STATUS = 125

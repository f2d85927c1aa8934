/**
 * Classic BPF as seccomp(2) runs it: 8 bytes an instruction (`struct sock_filter`), over `struct seccomp_data`.
 * Only the six kinds of instructions that the filter needs.
 */
export const DATA = { number: 0, architecture: 4, argumentsAt: 16 } as const

/** BPF_LD | BPF_W | BPF_ABS: 32 bits of seccomp_data. */
export const load = (offset: number): Buffer => instruction(0x20, 0, 0, offset)
/** Low half of an argument of the call. */
export const loadArgument = (index: number): Buffer => load(DATA.argumentsAt + index * 8)
/** BPF_ALU | BPF_AND | BPF_K */
export const and = (mask: number): Buffer => instruction(0x54, 0, 0, mask)
/** BPF_JMP | BPF_JEQ | BPF_K: skips so many instructions when equal, or when not. */
export const skipWhenEqual = (value: number, count: number, otherwise = 0): Buffer =>
  instruction(0x15, count, otherwise, value)
/** BPF_JMP | BPF_JGE | BPF_K, unsigned. */
export const skipWhenAtLeast = (value: number, count: number, otherwise = 0): Buffer =>
  instruction(0x35, count, otherwise, value)
/** BPF_RET | BPF_K */
export const decide = (action: number): Buffer => instruction(0x06, 0, 0, action)

export const ALLOW = 0x7fff_0000
export const KILL_PROCESS = 0x8000_0000
/** The call returns this error without being made. */
export const refuse = (errno: number): number => 0x0005_0000 | errno

function instruction(code: number, whenTrue: number, whenFalse: number, operand: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt8(whenTrue, 2)
  bytes.writeUInt8(whenFalse, 3)
  bytes.writeUInt32LE(operand >>> 0, 4)
  return bytes
}

import { LENGTH_BYTES, NO_SCRIPT_STATUS, SCRIPT_ADDRESS, STEP } from './interpreter-layout.ts'

/**
 * The interpreter for x86-64. `rbx` is the current step, `r12` counts the bytes of the script that have arrived. System calls take their
 * number in `rax`, parameters in `rdi rsi rdx r10 r8 r9`, answer in `rax` and destroy `rcx` and `r11`.
 */
export function interpreterForX64(): Buffer {
  const read = [
    [0x31, 0xff], //                          read: xor  edi, edi            descriptor 0
    [0x4a, 0x8d, 0x34, 0x23], //                    lea  rsi, [rbx + r12]
    [0xba, ...int32(LENGTH_BYTES)], //              mov  edx, LENGTH_BYTES
    [0x4c, 0x39, 0xe2], //                          cmp  rdx, r12
    [0x48, 0x0f, 0x46, 0x13], //                    cmovbe rdx, [rbx]        the script, when its length is known
    [0x4c, 0x29, 0xe2], //                          sub  rdx, r12
    [0x31, 0xc0], //                                xor  eax, eax            read(2)
    [0x0f, 0x05], //                                syscall
    [0x48, 0x85, 0xc0], //                          test rax, rax
    [0x7f, 0x0c], //                                jg   +12                 (over the next three)
    [0xbf, ...int32(NO_SCRIPT_STATUS)], //          mov  edi, NO_SCRIPT_STATUS
    [0xb8, ...int32(231)], //                       mov  eax, 231            exit_group(2)
    [0x0f, 0x05], //                                syscall
    [0x49, 0x01, 0xc4], //                          add  r12, rax
    [0x4c, 0x3b, 0x23], //                          cmp  r12, [rbx]
  ].flat()
  const step = [
    [0x48, 0x8b, 0x03], //                    step: mov  rax, [rbx]
    [0x48, 0x8b, 0x7b, STEP.arguments], //          mov  rdi, [rbx + …]
    [0x48, 0x8b, 0x73, STEP.arguments + 8], //      mov  rsi, …
    [0x48, 0x8b, 0x53, STEP.arguments + 16], //     mov  rdx, …
    [0x4c, 0x8b, 0x53, STEP.arguments + 24], //     mov  r10, …
    [0x4c, 0x8b, 0x43, STEP.arguments + 32], //     mov  r8, …
    [0x4c, 0x8b, 0x4b, STEP.arguments + 40], //     mov  r9, …
    [0x0f, 0x05], //                                syscall
    [0x48, 0x89, 0x43, STEP.result], //             mov  [rbx + result], rax
    [0x48, 0x8b, 0x4b, STEP.into], //               mov  rcx, [rbx + into]
    [0x48, 0x89, 0x01], //                          mov  [rcx], rax
    [0x48, 0x8b, 0x53, STEP.next], //               mov  rdx, [rbx + next]
    [0x48, 0x3d, ...int32(-4095)], //               cmp  rax, -4095
    [0x48, 0x0f, 0x43, 0x53, STEP.whenError], //    cmovae rdx, [rbx + whenError]
    [0x48, 0x85, 0xc0], //                          test rax, rax
    [0x48, 0x0f, 0x44, 0x53, STEP.whenZero], //     cmovz rdx, [rbx + whenZero]
    [0x48, 0x8b, 0x4b, STEP.compare], //            mov  rcx, [rbx + compare]
    [0x48, 0x3b, 0x01], //                          cmp  rax, [rcx]
    [0x48, 0x0f, 0x44, 0x53, STEP.whenEqual], //    cmove rdx, [rbx + whenEqual]
    [0x48, 0x89, 0xd3], //                          mov  rbx, rdx
  ].flat()
  return Buffer.from(
    [
      [0xbb, ...int32(SCRIPT_ADDRESS)], //          mov  ebx, SCRIPT_ADDRESS
      [0x45, 0x31, 0xe4], //                        xor  r12d, r12d
      read,
      [0x72, -(read.length + 2) & 0xff], //         jb   read
      [0x48, 0x8b, 0x5b, 0x08], //                  mov  rbx, [rbx + 8]      the first step
      step,
      [0xeb, -(step.length + 2) & 0xff], //         jmp  step
    ].flat(),
  )
}

function int32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff]
}

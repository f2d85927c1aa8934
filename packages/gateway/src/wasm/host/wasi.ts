import { randomFillSync } from 'node:crypto'
import type { LogLevel } from '../abi.ts'
import type { Vm } from '../vm.ts'
import { VmFailure } from '../vm-failure.ts'
import type { HostFunctions } from './imports.ts'

/** `errno` of WASI preview 1. */
const SUCCESS = 0
const BADF = 8
const FAULT = 21
const INVAL = 28
const NOSYS = 52
const NOTSUP = 58

const MAX_RANDOM_BYTES = 65_536
const MAX_VECTORS = 64
const MAX_LINE = 8_192
const STREAMS: Readonly<Record<number, LogLevel>> = { 1: 'info', 2: 'error' }

/**
 * What the compilers' libraries ask for: output goes to the log, clocks and randomness are there; no files, no environment, no arguments.
 * `proc_exit` is the end of the machine.
 */
export const wasiCalls = (vm: Vm): HostFunctions => ({
  fd_write(fd: number, vectorsAt: number, count: number, writtenAt: number): number {
    const level = STREAMS[fd]
    if (level === undefined) return BADF
    const { memory, effective } = vm
    if (count >>> 0 > MAX_VECTORS) return INVAL
    let text = ''
    let written = 0
    for (let index = 0; index < count; index++) {
      const at = memory.getU32(vectorsAt + 8 * index)
      const size = memory.getU32(vectorsAt + 8 * index + 4)
      const part = at === undefined || size === undefined ? undefined : memory.slice(at, size)
      if (part === undefined) return FAULT
      vm.charge(part.length)
      written += part.length
      if (text.length < MAX_LINE) text += part.toString('utf8', 0, MAX_LINE)
    }
    if (!memory.setU32(writtenAt, written)) return FAULT
    const message = text.trimEnd()
    if (message === '') return SUCCESS
    if (effective === undefined) vm.log(level, message)
    else (effective.kind === 'http' ? effective.root : effective).settings.log(level, message)
    return SUCCESS
  },

  clock_time_get(clock: number, _precision: bigint, timeAt: number): number {
    if (clock !== 0 && clock !== 1) return NOTSUP
    const time = clock === 0 ? BigInt(Date.now()) * 1_000_000n : BigInt(Math.round(performance.now() * 1_000)) * 1_000n
    return vm.memory.setU64(timeAt, time) ? SUCCESS : FAULT
  },
  clock_res_get: (_clock: number, at: number): number => (vm.memory.setU64(at, 1_000_000n) ? SUCCESS : FAULT),

  random_get(at: number, size: number): number {
    if (size >>> 0 > MAX_RANDOM_BYTES) return INVAL
    const bytes = vm.memory.slice(at, size)
    if (bytes === undefined) return FAULT
    vm.charge(bytes.length)
    randomFillSync(bytes)
    return SUCCESS
  },

  environ_sizes_get: (countAt: number, sizeAt: number): number => nothing(vm, countAt, sizeAt),
  environ_get: (): number => SUCCESS,
  args_sizes_get: (countAt: number, sizeAt: number): number => nothing(vm, countAt, sizeAt),
  args_get: (): number => SUCCESS,

  proc_exit(code: number): void {
    throw new VmFailure(`the module ended itself (proc_exit ${code})`)
  },
  sched_yield: (): number => SUCCESS,

  fd_close: (): number => BADF,
  fd_fdstat_get: (): number => BADF,
  fd_fdstat_set_flags: (): number => BADF,
  fd_filestat_get: (): number => BADF,
  fd_prestat_get: (): number => BADF,
  fd_prestat_dir_name: (): number => BADF,
  fd_read: (): number => BADF,
  fd_seek: (): number => BADF,
  path_open: (): number => NOSYS,
  path_filestat_get: (): number => NOSYS,
  poll_oneoff: (): number => NOSYS,
})

const nothing = ({ memory }: Vm, countAt: number, sizeAt: number): number =>
  memory.setU32(countAt, 0) && memory.setU32(sizeAt, 0) ? SUCCESS : FAULT

import { LOG_LEVELS, Status } from '../abi.ts'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** What the gateway's log keeps: `info` and above. */
const LOG_LEVEL = LOG_LEVELS.indexOf('info')
/** Bytes of one line. */
const MAX_LINE = 8_192

/** Log, time, and what has no other place. */
export const systemCalls = (vm: Vm): HostFunctions => ({
  proxy_log(level: number, messageAt: number, size: number): Status {
    const name = LOG_LEVELS[level]
    if (name === undefined) return Status.BAD_ARGUMENT
    vm.charge(0)
    if (vm.memory.slice(messageAt, size) === undefined) return Status.INVALID_MEMORY_ACCESS
    if (level < LOG_LEVEL) return Status.OK
    const message = vm.memory.utf8(messageAt, Math.min(size >>> 0, MAX_LINE)) as string
    const { effective } = vm
    if (effective === undefined) vm.log(name, message)
    else (effective.kind === 'http' ? effective.root : effective).settings.log(name, message)
    return Status.OK
  },

  proxy_get_log_level: (at: number): Status =>
    vm.memory.setU32(at, LOG_LEVEL) ? Status.OK : Status.INVALID_MEMORY_ACCESS,

  proxy_get_current_time_nanoseconds: (at: number): Status =>
    vm.memory.setU64(at, BigInt(Date.now()) * 1_000_000n) ? Status.OK : Status.INVALID_MEMORY_ACCESS,

  proxy_set_tick_period_milliseconds(period: number): Status {
    const { effective } = vm
    if (effective === undefined) return Status.BAD_ARGUMENT
    ;(effective.kind === 'http' ? effective.root : effective).setTick(period >>> 0)
    return Status.OK
  },

  /** Of the last gRPC call: there are none. */
  proxy_get_status(codeAt: number, messageAt: number, sizeAt: number): Status {
    const { memory } = vm
    return memory.setU32(codeAt, 0) && memory.giveNothing(messageAt, sizeAt) ? Status.OK : Status.INVALID_MEMORY_ACCESS
  },

  proxy_call_foreign_function: (): Status => Status.NOT_FOUND,
})

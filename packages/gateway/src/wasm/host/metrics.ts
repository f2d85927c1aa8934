import { Status } from '../abi.ts'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** `proxy_*_metric`. */
export const metricCalls = (vm: Vm): HostFunctions => ({
  proxy_define_metric(type: number, nameAt: number, nameSize: number, idAt: number): Status {
    const { memory, services } = vm
    const name = memory.latin1(nameAt, nameSize)
    if (name === undefined || !memory.setU32(idAt, 0)) return Status.INVALID_MEMORY_ACCESS
    const id = services.metrics.define(type, name)
    if (id === undefined) return Status.BAD_ARGUMENT
    memory.setU32(idAt, id)
    return Status.OK
  },

  proxy_increment_metric: (id: number, by: bigint): Status =>
    statusOf(vm.services.metrics.increment(id, Number(BigInt.asIntN(64, by)))),

  proxy_record_metric: (id: number, value: bigint): Status =>
    statusOf(vm.services.metrics.record(id, Number(BigInt.asUintN(64, value)))),

  proxy_get_metric(id: number, valueAt: number): Status {
    const value = vm.services.metrics.get(id)
    if (value === undefined) return Status.NOT_FOUND
    return vm.memory.setU64(valueAt, BigInt(Math.trunc(value))) ? Status.OK : Status.INVALID_MEMORY_ACCESS
  },
})

function statusOf(result: boolean | 'type'): Status {
  if (result === 'type') return Status.BAD_ARGUMENT
  return result ? Status.OK : Status.NOT_FOUND
}

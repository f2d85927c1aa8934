import { Status } from '../abi.ts'
import { readProperty } from '../properties.ts'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** `proxy_get_property`, `proxy_set_property`. */
export const propertyCalls = (vm: Vm): HostFunctions => ({
  proxy_get_property(pathAt: number, pathSize: number, valueAt: number, sizeAt: number): Status {
    const { memory, effective } = vm
    const path = memory.latin1(pathAt, pathSize)
    if (path === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(path.length)
    const http = effective?.kind === 'http' ? effective : undefined
    const root = http?.root ?? (effective?.kind === 'root' ? effective : undefined)
    const value = http?.property(path) ?? (root && readProperty(path, root, http))
    if (value === undefined)
      return memory.giveNothing(valueAt, sizeAt) ? Status.NOT_FOUND : Status.INVALID_MEMORY_ACCESS
    vm.charge(value.length)
    return typeof value === 'string'
      ? memory.giveText(value, valueAt, sizeAt)
      : memory.giveBytes(value, valueAt, sizeAt)
  },

  proxy_set_property(pathAt: number, pathSize: number, valueAt: number, valueSize: number): Status {
    const { memory, effective } = vm
    const path = memory.latin1(pathAt, pathSize)
    const value = memory.slice(valueAt, valueSize)
    if (path === undefined || value === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(path.length + value.length)
    if (effective?.kind !== 'http') return Status.NOT_FOUND
    return effective.setProperty(path, Buffer.from(value)) ? Status.OK : Status.BAD_ARGUMENT
  },
})

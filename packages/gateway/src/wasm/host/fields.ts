import { MapType, Status } from '../abi.ts'
import { FieldMap } from '../field-map.ts'
import { pairsSize, readPairs, writePairs } from '../header-pairs.ts'
import { ResponsePseudoFields } from '../head-fields.ts'
import { ResponseHead } from '@sekisho/wire'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** `proxy_*_header_map_*`. */
export const fieldCalls = (vm: Vm): HostFunctions => ({
  proxy_get_header_map_value(type: number, nameAt: number, nameSize: number, valueAt: number, sizeAt: number): Status {
    const { memory } = vm
    const name = memory.latin1(nameAt, nameSize)
    if (name === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(nameSize >>> 0)
    const value = mapOf(vm, type)?.get(name)
    if (value !== undefined) {
      vm.charge(value.length)
      return memory.giveText(value, valueAt, sizeAt)
    }
    if (!memory.giveNothing(valueAt, sizeAt)) return Status.INVALID_MEMORY_ACCESS
    return isType(type) ? Status.NOT_FOUND : Status.BAD_ARGUMENT
  },

  proxy_get_header_map_pairs(type: number, pairsAt: number, sizeAt: number): Status {
    const { memory } = vm
    const map = mapOf(vm, type)
    if (map === undefined) {
      if (!memory.giveNothing(pairsAt, sizeAt)) return Status.INVALID_MEMORY_ACCESS
      // Trailers that did not come are an empty map: SDKs take any other status for a failure of the host.
      return isType(type) ? Status.OK : Status.BAD_ARGUMENT
    }
    const pairs = map.pairs()
    const size = pairsSize(pairs)
    vm.charge(size)
    return memory.giveWritten(size, pairsAt, sizeAt, (bytes, at) => writePairs(bytes, at, pairs))
  },

  proxy_get_header_map_size(type: number, sizeAt: number): Status {
    const map = mapOf(vm, type)
    if (map === undefined && !isType(type)) return Status.BAD_ARGUMENT
    const size = map === undefined ? 0 : pairsSize(map.pairs())
    vm.charge(size)
    return vm.memory.setU32(sizeAt, size) ? Status.OK : Status.INVALID_MEMORY_ACCESS
  },

  proxy_set_header_map_pairs(type: number, pairsAt: number, size: number): Status {
    const bytes = vm.memory.slice(pairsAt, size)
    if (bytes === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(bytes.length)
    const map = mapOf(vm, type)
    if (map === undefined || !map.writable) return Status.BAD_ARGUMENT
    const pairs = readPairs(bytes)
    if (pairs === undefined) return Status.PARSE_FAILURE
    return map.setAll(pairs) ? Status.OK : Status.BAD_ARGUMENT
  },

  proxy_add_header_map_value(
    type: number,
    nameAt: number,
    nameSize: number,
    valueAt: number,
    valueSize: number,
  ): Status {
    return edit(vm, 'add', type, nameAt, nameSize, valueAt, valueSize)
  },

  proxy_replace_header_map_value(
    type: number,
    nameAt: number,
    nameSize: number,
    valueAt: number,
    valueSize: number,
  ): Status {
    return edit(vm, 'replace', type, nameAt, nameSize, valueAt, valueSize)
  },

  proxy_remove_header_map_value(type: number, nameAt: number, nameSize: number): Status {
    const name = vm.memory.latin1(nameAt, nameSize)
    if (name === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(name.length)
    const map = mapOf(vm, type)
    if (map === undefined || !map.writable) return Status.BAD_ARGUMENT
    return map.remove(name) ? Status.OK : Status.BAD_ARGUMENT
  },
})

function edit(
  vm: Vm,
  how: 'add' | 'replace',
  type: number,
  nameAt: number,
  nameSize: number,
  valueAt: number,
  valueSize: number,
): Status {
  const { memory } = vm
  const name = memory.latin1(nameAt, nameSize)
  const value = memory.latin1(valueAt, valueSize)
  if (name === undefined || value === undefined) return Status.INVALID_MEMORY_ACCESS
  vm.charge(name.length + value.length)
  const map = mapOf(vm, type)
  if (map === undefined || !map.writable) return Status.BAD_ARGUMENT
  return map[how](name, value) ? Status.OK : Status.BAD_ARGUMENT
}

function mapOf(vm: Vm, type: number): FieldMap | undefined {
  if (type === MapType.HTTP_CALL_RESPONSE_HEADERS) {
    const { callAnswer } = vm
    if (callAnswer === undefined) return undefined
    const { headers, status } = callAnswer
    return new FieldMap(headers, new ResponsePseudoFields(new ResponseHead(status, '', headers)), false)
  }
  const { effective } = vm
  return effective?.kind === 'http' ? effective.fields(type) : undefined
}

const isType = (type: number): boolean => type >>> 0 <= MapType.MAX

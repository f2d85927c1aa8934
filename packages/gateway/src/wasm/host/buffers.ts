import { BufferType, Status } from '../abi.ts'
import type { BodyBuffer } from '../body-buffer.ts'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** `proxy_*_buffer_*`. */
export const bufferCalls = (vm: Vm): HostFunctions => ({
  proxy_get_buffer_bytes(type: number, start: number, maxSize: number, bytesAt: number, sizeAt: number): Status {
    const { memory } = vm
    const bytes = bytesOf(vm, type)
    if (bytes === undefined) {
      if (!memory.giveNothing(bytesAt, sizeAt)) return Status.INVALID_MEMORY_ACCESS
      return isType(type) ? Status.NOT_FOUND : Status.BAD_ARGUMENT
    }
    const from = start >>> 0
    const part = bytes.subarray(from, from + (maxSize >>> 0))
    vm.charge(part.length)
    return memory.giveBytes(part, bytesAt, sizeAt)
  },

  proxy_get_buffer_status(type: number, sizeAt: number, unusedAt: number): Status {
    const { memory } = vm
    const bytes = bytesOf(vm, type)
    vm.charge(0)
    if (bytes === undefined) return isType(type) ? Status.NOT_FOUND : Status.BAD_ARGUMENT
    return memory.setU32(sizeAt, bytes.length) && memory.setU32(unusedAt, 0) ? Status.OK : Status.INVALID_MEMORY_ACCESS
  },

  proxy_set_buffer_bytes(type: number, start: number, size: number, dataAt: number, dataSize: number): Status {
    const data = vm.memory.slice(dataAt, dataSize)
    if (data === undefined) return Status.INVALID_MEMORY_ACCESS
    const body = bodyOf(vm, type)
    if (body === undefined) return isType(type) ? Status.NOT_FOUND : Status.BAD_ARGUMENT
    vm.charge(data.length + body.bytes.length)
    return body.replace(start >>> 0, size >>> 0, data) ? Status.OK : Status.BAD_ARGUMENT
  },
})

/** A body that may be changed now. */
function bodyOf({ effective }: Vm, type: number): BodyBuffer | undefined {
  if (effective?.kind !== 'http') return undefined
  if (type === BufferType.HTTP_REQUEST_BODY) return effective.requestBody
  return type === BufferType.HTTP_RESPONSE_BODY ? effective.responseBody : undefined
}

function bytesOf(vm: Vm, type: number): Uint8Array | undefined {
  const { effective, callAnswer } = vm
  switch (type) {
    case BufferType.HTTP_CALL_RESPONSE_BODY:
      return callAnswer?.body
    case BufferType.VM_CONFIGURATION:
      return rootOf(vm)?.settings.vmConfiguration
    case BufferType.PLUGIN_CONFIGURATION:
      return rootOf(vm)?.settings.configuration
    default:
      // The specification has the body of a call's answer here as well ("HTTP_RESPONSE_BODY" in proxy_on_http_call_response): of a root alone.
      if (type === BufferType.HTTP_RESPONSE_BODY && effective?.kind === 'root') return callAnswer?.body
      return bodyOf(vm, type)?.bytes
  }
}

const rootOf = ({ effective }: Vm) => (effective?.kind === 'http' ? effective.root : effective)

const isType = (type: number): boolean => type >>> 0 <= BufferType.MAX

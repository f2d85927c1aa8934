import { Status } from '../abi.ts'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** What filters share with each other: data and queues. */
export const sharedCalls = (vm: Vm): HostFunctions => ({
  proxy_get_shared_data(keyAt: number, keySize: number, valueAt: number, sizeAt: number, casAt: number): Status {
    const { memory, services } = vm
    const key = memory.latin1(keyAt, keySize)
    if (key === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(key.length)
    const entry = services.sharedData.get(scoped(vm, key))
    if (entry === undefined)
      return memory.giveNothing(valueAt, sizeAt) ? Status.NOT_FOUND : Status.INVALID_MEMORY_ACCESS
    vm.charge(entry.value.length)
    if (!memory.setU32(casAt, entry.cas)) return Status.INVALID_MEMORY_ACCESS
    return memory.giveBytes(entry.value, valueAt, sizeAt)
  },

  proxy_set_shared_data(keyAt: number, keySize: number, valueAt: number, valueSize: number, cas: number): Status {
    const { memory, services } = vm
    const key = memory.latin1(keyAt, keySize)
    const value = memory.slice(valueAt, valueSize)
    if (key === undefined || value === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(key.length + value.length)
    const result = services.sharedData.set(scoped(vm, key), Buffer.from(value), cas >>> 0)
    if (result === 'full') return Status.INTERNAL_FAILURE
    return result === 'ok' ? Status.OK : Status.CAS_MISMATCH
  },

  proxy_register_shared_queue(nameAt: number, nameSize: number, tokenAt: number): Status {
    const { memory, services } = vm
    const name = memory.latin1(nameAt, nameSize)
    const root = rootOf(vm)
    if (name === undefined) return Status.INVALID_MEMORY_ACCESS
    if (root === undefined) return Status.BAD_ARGUMENT
    const token = services.queues.register(scoped(vm, name), root)
    if (token === undefined) return Status.INTERNAL_FAILURE
    return memory.setU32(tokenAt, token) ? Status.OK : Status.INVALID_MEMORY_ACCESS
  },

  proxy_resolve_shared_queue(idAt: number, idSize: number, nameAt: number, nameSize: number, tokenAt: number): Status {
    const { memory, services } = vm
    const vmId = memory.latin1(idAt, idSize)
    const name = memory.latin1(nameAt, nameSize)
    if (vmId === undefined || name === undefined) return Status.INVALID_MEMORY_ACCESS
    const token = services.queues.resolve(`${vmId}\0${name}`)
    if (token === undefined) return Status.NOT_FOUND
    return memory.setU32(tokenAt, token) ? Status.OK : Status.INVALID_MEMORY_ACCESS
  },

  proxy_enqueue_shared_queue(token: number, dataAt: number, dataSize: number): Status {
    const data = vm.memory.slice(dataAt, dataSize)
    if (data === undefined) return Status.INVALID_MEMORY_ACCESS
    vm.charge(data.length)
    const result = vm.services.queues.enqueue(token, Buffer.from(data))
    if (result === 'full') return Status.INTERNAL_FAILURE
    return result === 'ok' ? Status.OK : Status.NOT_FOUND
  },

  proxy_dequeue_shared_queue(token: number, dataAt: number, sizeAt: number): Status {
    const { memory, services } = vm
    // The message is gone once it is taken: first it must be known that it can be handed over.
    if (!memory.giveNothing(dataAt, sizeAt)) return Status.INVALID_MEMORY_ACCESS
    const message = services.queues.dequeue(token)
    if (message === 'unknown') return Status.NOT_FOUND
    if (message === 'empty') return Status.EMPTY
    vm.charge(message.length)
    return memory.giveBytes(message, dataAt, sizeAt)
  },
})

const rootOf = ({ effective }: Vm) => (effective?.kind === 'http' ? effective.root : effective)

/** Keys and names are those of one `vm_id`. */
const scoped = (vm: Vm, name: string): string => `${rootOf(vm)?.settings.vmId ?? ''}\0${name}`

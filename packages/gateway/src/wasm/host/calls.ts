import { Status } from '../abi.ts'
import { readPairs } from '../header-pairs.ts'
import type { Vm } from '../vm.ts'
import type { HostFunctions } from './imports.ts'

/** Calls of a filter to other services: HTTP alone. */
export const callCalls = (vm: Vm): HostFunctions => ({
  proxy_http_call(
    nameAt: number,
    nameSize: number,
    pairsAt: number,
    pairsSize: number,
    bodyAt: number,
    bodySize: number,
    trailersAt: number,
    trailersSize: number,
    timeoutMs: number,
    tokenAt: number,
  ): Status {
    const { memory, effective } = vm
    const cluster = memory.latin1(nameAt, nameSize)
    const pairBytes = memory.slice(pairsAt, pairsSize)
    const body = memory.slice(bodyAt, bodySize)
    if (
      cluster === undefined ||
      pairBytes === undefined ||
      body === undefined ||
      memory.slice(trailersAt, trailersSize) === undefined ||
      // Written before anything is sent, so that no call is without its number.
      !memory.setU32(tokenAt, 0)
    )
      return Status.INVALID_MEMORY_ACCESS
    vm.charge(pairBytes.length + body.length)
    const pairs = readPairs(pairBytes)
    if (pairs === undefined || effective === undefined) return Status.BAD_ARGUMENT
    const http = effective.kind === 'http' ? effective : undefined
    const root = effective.kind === 'http' ? effective.root : effective
    const call = { cluster, pairs, body: Buffer.from(body), timeoutMs: timeoutMs >>> 0 }
    const token = root.call(call, http)
    if (token === 'bad') return Status.BAD_ARGUMENT
    if (token === 'busy') return Status.INTERNAL_FAILURE
    memory.setU32(tokenAt, token)
    return Status.OK
  },

  proxy_grpc_call: refused,
  proxy_grpc_stream: refused,
  proxy_grpc_send: refused,
  proxy_grpc_cancel: refused,
  proxy_grpc_close: refused,
})

const refused = (): Status => Status.UNIMPLEMENTED

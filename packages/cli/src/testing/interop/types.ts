import { readFileSync } from 'node:fs'
import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type DescMessage,
  toBinary,
} from '@bufbuild/protobuf'
import { registryFrom } from '../../../../gateway/src/transcoding/testing/registry-from.ts'

const registry = await registryFrom(readFileSync(new URL('interop.proto', import.meta.url), 'utf8'))

export type MethodName =
  | 'EmptyCall'
  | 'UnaryCall'
  | 'CacheableUnaryCall'
  | 'StreamingOutputCall'
  | 'StreamingInputCall'
  | 'FullDuplexCall'
  | 'UnimplementedCall'

export type ServiceName = 'grpc.testing.TestService' | 'grpc.testing.UnimplementedService'

interface Flag {
  readonly value?: boolean
}
interface Payload {
  readonly body?: Uint8Array
}

/** Any of the messages: their fields have the same meaning wherever they are. */
export interface InteropMessage {
  readonly payload?: Payload
  readonly responseSize?: number
  readonly responseCompressed?: Flag
  readonly expectCompressed?: Flag
  readonly responseStatus?: { readonly code?: number; readonly message?: string }
  readonly responseParameters?: readonly {
    readonly size?: number
    readonly intervalUs?: number
    readonly compressed?: Flag
  }[]
  readonly aggregatedPayloadSize?: number
}

export const serviceOf = (name: ServiceName) => {
  const service = registry.getService(name)
  if (service === undefined) throw new Error(`no service ${name}`)
  return service
}

export function methodOf(service: ServiceName, name: MethodName): DescMethod {
  const found = serviceOf(service).methods.find((method) => method.name === name)
  if (found === undefined) throw new Error(`no method ${service}/${name}`)
  return found
}

export const pathOf = (service: ServiceName, name: MethodName): string => `/${service}/${name}`

const encoder = (type: DescMessage) => (message: InteropMessage) =>
  Buffer.from(toBinary(type, create(type, message as MessageInitShape<DescMessage>)))
const decoder = (type: DescMessage) => (bytes: Uint8Array) => fromBinary(type, bytes) as InteropMessage

/** To and from the bytes of a method's messages. */
export function codecOf({ input, output }: DescMethod) {
  return {
    requestSerialize: encoder(input),
    requestDeserialize: decoder(input),
    responseSerialize: encoder(output),
    responseDeserialize: decoder(output),
  }
}

/** A call that failed, as whoever fails it and whoever sees it fail know it. */
export class CallError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export const INITIAL = 'x-grpc-test-echo-initial'
export const TRAILING = 'x-grpc-test-echo-trailing-bin'

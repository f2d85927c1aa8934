import { createRequire } from 'node:module'
import type { Client, ClientDuplexStream } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { clientOf, read } from './greeter-client.ts'

export type ReflectionVersion = 'v1' | 'v1alpha'

/** One of the questions of `grpc.reflection.*.ServerReflectionRequest`. */
export interface ReflectionQuestion {
  readonly list_services?: string
  readonly file_containing_symbol?: string
}

export interface ReflectionReply {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] }
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Uint8Array[] }
  readonly error_response?: { readonly error_code: number }
}

interface ReflectionClient extends Client {
  ServerReflectionInfo(): ClientDuplexStream<ReflectionQuestion, ReflectionReply>
}

/** Asks server reflection one question, as grpcurl does. */
export async function askReflection(
  version: ReflectionVersion,
  port: number,
  question: ReflectionQuestion,
): Promise<ReflectionReply> {
  const proto = createRequire(import.meta.url).resolve(
    `@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`,
  )
  const loaded = loadSync(proto, { keepCase: true, oneofs: true })
  const client = clientOf<ReflectionClient>(loaded, `grpc.reflection.${version}.ServerReflection`, port)
  const call = client.ServerReflectionInfo()
  call.write(question)
  call.end()
  const [reply] = await read(call).rest()
  client.close()
  return reply
}

/** The full names. */
export async function listServices(version: ReflectionVersion, port: number): Promise<string[]> {
  const { list_services_response: list } = await askReflection(version, port, { list_services: '' })
  return (list?.service ?? []).map(({ name }) => name)
}

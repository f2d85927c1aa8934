import { fileURLToPath } from 'node:url'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'

/** The full name of the service, which is its name in health checks, too. */
export const GREETER = 'helloworld.Greeter'
export const HEALTH_WATCH = '/grpc.health.v1.Health/Watch'

const load = (name: string): PackageDefinition =>
  // Reflection tells the names of fields as they are loaded, so they are kept.
  loadSync(fileURLToPath(new URL(`../proto/${name}`, import.meta.url)), { keepCase: true, defaults: true })

export const greeterPackage = load('helloworld.proto')

export const greeterDefinition = greeterPackage[GREETER] as ServiceDefinition

/** What reflection tells of. */
export const describedPackages: PackageDefinition = { ...greeterPackage, ...load('health.proto') }

/** The file as serialized `google.protobuf.FileDescriptorProto`s, for the web page. */
export const greeterDescriptors: readonly Uint8Array[] = (
  greeterPackage['helloworld.HelloRequest'] as unknown as { readonly fileDescriptorProtos: readonly Uint8Array[] }
).fileDescriptorProtos

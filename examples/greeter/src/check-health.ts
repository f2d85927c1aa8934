import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'

/** Long for a server on the same machine. */
const TIMEOUT_MS = 2_000

/** Asks a server that runs. Undefined: it is SERVING; else why not. */
export function checkHealth(address: string): Promise<string | undefined> {
  const client = new Client(address, credentials.createInsecure())
  const { path, requestSerialize, responseDeserialize } = healthService['Check']
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => { readonly status: string },
      { service: '' },
      { deadline: Date.now() + TIMEOUT_MS },
      (error: ServiceError | null, reply) => {
        client.close()
        resolve(error?.message ?? (reply?.status === 'SERVING' ? undefined : reply?.status))
      },
    )
  })
}

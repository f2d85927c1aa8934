import { say } from '../../failure.ts'
import type { EndpointOptions } from '../api/endpoint.ts'
import { FunctionClient } from '../api/function-client.ts'

export interface DeleteOptions extends EndpointOptions {
  readonly qualifier?: string
}

/** `sekisho fn delete`. */
export async function deleteFunction(name: string, options: DeleteOptions): Promise<void> {
  const client = FunctionClient.open(options)
  try {
    await client.delete(name, options.qualifier)
    say(options.qualifier === undefined ? `${name} is deleted` : `version ${options.qualifier} of ${name} is deleted`)
  } finally {
    client.close()
  }
}

import { say } from '../../failure.ts'
import type { EndpointOptions } from '../api/endpoint.ts'
import { FunctionClient } from '../api/function-client.ts'
import { setSchedules } from '../deploy/schedules.ts'

export interface DeleteOptions extends EndpointOptions {
  readonly qualifier?: string
}

/** Not an ARN. */
const NAME = /^[a-zA-Z0-9-_]+$/

/** `sekisho fn delete`: with the schedules that deploys made, which would go on and call nobody. */
export async function deleteFunction(name: string, options: DeleteOptions): Promise<void> {
  const client = FunctionClient.open(options)
  try {
    await client.delete(name, options.qualifier)
    if (options.qualifier === undefined && NAME.test(name)) await setSchedules(client, name, '', [])
    say(options.qualifier === undefined ? `${name} is deleted` : `version ${options.qualifier} of ${name} is deleted`)
  } finally {
    client.close()
  }
}

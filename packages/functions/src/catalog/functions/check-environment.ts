import { invalidParameter } from '../../model/service-error.ts'
import { RESERVED_VARIABLES } from '../../runtimes/environment-variables.ts'

/** Of all variables as compact JSON. */
const MAX_ENVIRONMENT_BYTES = 4_096

const UNABLE =
  'Lambda was unable to configure your environment variables because the environment variables you have provided'

/** Names are checked by the shape. */
export function checkEnvironment(variables: Readonly<Record<string, string>>): void {
  const json = JSON.stringify(variables)
  if (Buffer.byteLength(json) > MAX_ENVIRONMENT_BYTES)
    throw invalidParameter(`${UNABLE} exceeded the 4KB limit. String measured: ${json}`)
  const reserved = Object.keys(variables).filter((name) => RESERVED_VARIABLES.has(name))
  if (reserved.length > 0)
    throw invalidParameter(
      `${UNABLE} contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
    )
  for (const [name, value] of Object.entries(variables))
    if (value.includes('\0')) throw invalidParameter(`${UNABLE} cannot have a NUL character: ${name}`)
}

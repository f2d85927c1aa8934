import { invalidParameter } from '../../model/service-error.ts'

/** Of all variables as compact JSON. */
const MAX_ENVIRONMENT_BYTES = 4_096

/** What Lambda sets itself. */
const RESERVED = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
])

const UNABLE =
  'Lambda was unable to configure your environment variables because the environment variables you have provided'

/** Names are checked by the shape. */
export function checkEnvironment(variables: Readonly<Record<string, string>>): void {
  const json = JSON.stringify(variables)
  if (Buffer.byteLength(json) > MAX_ENVIRONMENT_BYTES)
    throw invalidParameter(`${UNABLE} exceeded the 4KB limit. String measured: ${json}`)
  const reserved = Object.keys(variables).filter((name) => RESERVED.has(name))
  if (reserved.length > 0)
    throw invalidParameter(
      `${UNABLE} contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
    )
  for (const [name, value] of Object.entries(variables))
    if (value.includes('\0')) throw invalidParameter(`${UNABLE} cannot have a NUL character: ${name}`)
}

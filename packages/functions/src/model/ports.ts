/** Where the control API listens unless told otherwise: loopback only. */
export const DEFAULT_CONTROL_PORT = 9190
/** Where a runtime in a network namespace of its own finds the Runtime API. */
export const RUNTIME_API_PORT = 9001
export const DEFAULT_REGION = 'us-east-1'
export const DEFAULT_ACCOUNT = '000000000000'

/** Numbers of the proxy-wasm ABI 0.2.1 (proxy-wasm/spec, abi-versions/v0.2.1). */

/** `proxy_status_t`: what a call of the host returns. */
export const Status = {
  OK: 0,
  NOT_FOUND: 1,
  BAD_ARGUMENT: 2,
  SERIALIZATION_FAILURE: 3,
  PARSE_FAILURE: 4,
  INVALID_MEMORY_ACCESS: 6,
  EMPTY: 7,
  CAS_MISMATCH: 8,
  INTERNAL_FAILURE: 10,
  UNIMPLEMENTED: 12,
} as const
export type Status = (typeof Status)[keyof typeof Status]

/** `proxy_action_t`. Older SDKs return Envoy's filter statuses: all but 0 and 2 (continue, and end the stream) hold the stream up. */
export const isPause = (action: number): boolean => action !== 0 && action !== 2

/** `proxy_buffer_type_t`. */
export const BufferType = {
  HTTP_REQUEST_BODY: 0,
  HTTP_RESPONSE_BODY: 1,
  HTTP_CALL_RESPONSE_BODY: 4,
  VM_CONFIGURATION: 6,
  PLUGIN_CONFIGURATION: 7,
  MAX: 8,
} as const

/** `proxy_map_type_t`. */
export const MapType = {
  HTTP_REQUEST_HEADERS: 0,
  HTTP_REQUEST_TRAILERS: 1,
  HTTP_RESPONSE_HEADERS: 2,
  HTTP_RESPONSE_TRAILERS: 3,
  HTTP_CALL_RESPONSE_HEADERS: 6,
  HTTP_CALL_RESPONSE_TRAILERS: 7,
  MAX: 7,
} as const

/** `proxy_stream_type_t`. */
export const StreamType = { HTTP_REQUEST: 0, HTTP_RESPONSE: 1 } as const

/** `proxy_log_level_t`, from 0. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** `proxy_metric_type_t`, from 0. */
export const METRIC_TYPES = ['counter', 'gauge', 'histogram'] as const

/** Markers that a module exports: it was built for that version. The older two differ in nothing that a filter of HTTP sees here. */
export const ABI_MARKERS = ['proxy_abi_version_0_2_1', 'proxy_abi_version_0_2_0', 'proxy_abi_version_0_1_0'] as const

/**
 * What the check says of imported configurations although they are right: the files of certificates are not on this
 * machine.
 */
const NOT_HERE: readonly RegExp[] = [/certs\//]

/** Parts of the gateway that are still being written. To be emptied. */
const STILL_BEING_WRITTEN: readonly RegExp[] = [
  /upstreams of this scheme are not in this version/,
  /unknown plugin "grpc-web"/,
  /unknown key "stream_routes"/,
  /\/listen\/\d+.*protocol/,
]

/** Whether a line of the check, as `problemLine` writes it, is to be expected. */
export const isExpected = (line: string): boolean =>
  [...NOT_HERE, ...STILL_BEING_WRITTEN].some((pattern) => pattern.test(line))

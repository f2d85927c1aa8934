import { Type } from '../schema/type.ts'

/** A host name or address; for matching it may begin with a wildcard: `*.example.com`. */
export const HOST_PATTERN = '^\\*$|^\\*?[0-9a-zA-Z._\\[\\]:-]+$'

const hostErrorMessage = 'must be a host name or address, as "api.example.com"'

export const Host = Type.String({ pattern: HOST_PATTERN, patternErrorMessage: hostErrorMessage })

export const HostPattern = Type.String({
  pattern: HOST_PATTERN,
  patternErrorMessage: `${hostErrorMessage} or "*.example.com"`,
})

/** Upper-case method names, as on the wire. */
export const METHODS = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'PURGE',
] as const

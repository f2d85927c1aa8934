import { decodeLabel } from '../percent-decoding.ts'

const FUNCTIONS = '/2015-03-31/functions/'
const INVOCATIONS = '/invocations'
const STREAMING_FUNCTIONS = '/2021-11-15/functions/'
const STREAMING_INVOCATIONS = '/response-streaming-invocations'

export const isInvokePath = (path: string): boolean => path.startsWith(FUNCTIONS) && path.endsWith(INVOCATIONS)

export const isStreamingPath = (path: string): boolean =>
  path.startsWith(STREAMING_FUNCTIONS) && path.endsWith(STREAMING_INVOCATIONS)

/** The function of a path that one of the two above is true of, percent-decoded; undefined when there is none. */
export function invokedName(path: string): string | undefined {
  const streaming = path.endsWith(STREAMING_INVOCATIONS)
  const end = path.length - (streaming ? STREAMING_INVOCATIONS : INVOCATIONS).length
  // Both prefixes have the same length.
  const name = path.slice(FUNCTIONS.length, end)
  return name === '' || name.includes('/') ? undefined : decodeLabel(name)
}

/** The member of a query, decoded; undefined: it is not there, or empty. */
export function qualifierOf(query: string): string | undefined {
  if (query === '') return undefined
  return new URLSearchParams(query).get('Qualifier') || undefined
}

import type { ApiRequest } from '../control-api/operation.ts'
import { invalidParameter } from '../model/service-error.ts'
import { queryNumber, queryText } from './shapes/read-input.ts'
import { failed, throwProblems } from './shapes/shape.ts'

export interface Page<T> {
  readonly items: readonly T[]
  /** undefined: there is no more. */
  readonly nextMarker: string | undefined
}

/** AWS never answers more of them at once, whatever MaxItems says. */
const MAX_PAGE = 50

/**
 * A part of a list by `Marker` and `MaxItems`. The marker is the key of the last item, so that it holds when others come and go.
 * @param items in the order of their keys
 * @param most what MaxItems may be
 */
export function pageOf<T>(
  request: ApiRequest,
  items: readonly T[],
  keyOf: (item: T) => string,
  most: 50 | 10_000,
): Page<T> {
  const wanted = queryNumber(request, 'MaxItems') ?? MAX_PAGE
  const bound = wanted < 1 ? `greater than or equal to 1` : wanted > most ? `less than or equal to ${most}` : undefined
  if (bound !== undefined) throwProblems([failed(`'${wanted}'`, 'maxItems', `Member must have value ${bound}`)])
  const size = Math.min(wanted, MAX_PAGE)
  const marker = queryText(request, 'Marker')
  const after = marker === undefined ? undefined : decode(marker)
  const start = after === undefined ? 0 : items.findIndex((item) => keyOf(item) > after)
  if (start < 0) return { items: [], nextMarker: undefined }
  const page = items.slice(start, start + size)
  const more = start + size < items.length
  return { items: page, nextMarker: more ? Buffer.from(keyOf(page.at(-1)!)).toString('base64') : undefined }
}

function decode(marker: string): string {
  const text = Buffer.from(marker, 'base64').toString()
  if (Buffer.from(text).toString('base64') === marker) return text
  throw invalidParameter('Invalid Marker: it must be the NextMarker of an answer before.')
}

/** Versions in the order of their numbers. */
export const numberKey = (number: string | number): string => String(number).padStart(12, '0')

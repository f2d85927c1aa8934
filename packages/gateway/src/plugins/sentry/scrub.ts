import type { Headers } from '@sekisho/wire'
import { isSecretName } from '../../config/secret-fields.ts'
import { maskedQuery } from '../tracing/masked-query.ts'

/** Fields that show who somebody is, or that name where they are. */
const NEVER: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'apikey',
  'x-csrf-token',
  'x-amz-security-token',
])
const PERSONAL: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-real-ip',
  'forwarded',
  'x-consumer-username',
  'x-consumer-custom-id',
  'x-credential-identifier',
])
const MAX_FIELDS = 50
const MAX_VALUE_CHARACTERS = 512

/** @param more names of fields that are left out as well, in lower case */
export function scrubbedHeaders(
  headers: Headers,
  more: ReadonlySet<string>,
  personal: boolean,
): Record<string, string> {
  const kept: Record<string, string> = {}
  let count = 0
  for (const [field, value] of headers.entries()) {
    const name = field.toLowerCase()
    if (NEVER.has(name) || more.has(name) || isSecretName(name.replaceAll('-', '_'))) continue
    if (!personal && PERSONAL.has(name)) continue
    if (count++ === MAX_FIELDS) break
    kept[name] = name === 'referer' ? withoutQuery(value) : value.slice(0, MAX_VALUE_CHARACTERS)
  }
  return kept
}

const withoutQuery = (url: string): string => url.split('?', 1)[0].slice(0, MAX_VALUE_CHARACTERS)

/** Values of arguments: as they are but for secrets, none, or no query at all. */
export function scrubbedQuery(query: string, mode: 'masked' | 'names' | 'none'): string | undefined {
  if (query === '' || mode === 'none') return undefined
  if (mode === 'masked') return maskedQuery(query).slice(0, MAX_QUERY_CHARACTERS)
  const names = query.split('&', MAX_FIELDS).map((pair) => pair.split('=', 1)[0])
  return names.join('&').slice(0, MAX_QUERY_CHARACTERS)
}

const MAX_QUERY_CHARACTERS = 2_048

const SAID =
  /\b((?:bearer|basic)\s+)[\w.~+/=-]+|((?:password|passwd|secret|token|api[-_]?key|authorization)["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi

/** What an error says, without what it says of secrets. */
export const scrubbedText = (text: string): string =>
  text
    .slice(0, 2_048)
    .replace(SAID, (_all, scheme: string | undefined, name: string | undefined) => `${scheme ?? name}[Filtered]`)

import type { Headers } from '@sekisho/wire'

/** The field names of Vary, lower case, sorted, each once; undefined for none. `*` was refused before. */
export function varyNames(headers: Headers): readonly string[] | undefined {
  const vary = headers.get('vary')
  if (vary === undefined) return undefined
  const names = new Set(
    vary
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  return names.size === 0 ? undefined : [...names].sort()
}

/**
 * What of a request its variant depends on (RFC 9111 section 4.1), as a key. Blanks around list members do not matter, which is
 * all of normalising that holds for every field; of Accept-Encoding and Accept-Language, lists of tokens, cases do not either.
 */
export function variantKey(names: readonly string[], request: Headers): string {
  let key = ''
  for (const name of names) {
    const value = request.get(name)
    const text = value?.replace(/[ \t]*,[ \t]*/g, ',').trim()
    key += `\n${name}:${text === undefined ? '\0' : TOKENS.has(name) ? text.toLowerCase() : text}`
  }
  return key
}

const TOKENS = new Set(['accept-encoding', 'accept-language', 'accept-charset'])

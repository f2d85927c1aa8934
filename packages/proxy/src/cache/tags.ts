import type { Headers } from '@sekisho/wire'

/** Of one response; more are left out. */
const MAX_TAGS = 128

/** The tags of a response: `Surrogate-Key` (apart by blanks) and `Cache-Tag` (apart by commas), each once. */
export function responseTags(headers: Headers, fields: readonly string[]): string[] {
  const tags = new Set<string>()
  for (const name of fields) {
    const value = headers.get(name)
    if (value === undefined) continue
    for (const tag of value.split(/[\s,]+/)) if (tag !== '' && tags.size < MAX_TAGS) tags.add(tag)
  }
  return [...tags]
}

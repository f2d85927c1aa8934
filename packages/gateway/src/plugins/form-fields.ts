/** A name with its value; null: there is no `=` behind it. */
export type FormField = readonly [name: string, value: string | null]

/** A form of more fields is refused rather than read in part. */
export const MAX_FORM_FIELDS = 1_000

/** The fields of a query or of an `application/x-www-form-urlencoded` body, decoded, in their order; undefined: more than `maxFields`. */
export function formFields(text: string, maxFields = MAX_FORM_FIELDS): FormField[] | undefined {
  const fields: FormField[] = []
  for (let at = 0; at < text.length;) {
    let end = text.indexOf('&', at)
    if (end < 0) end = text.length
    if (end > at) {
      if (fields.length === maxFields) return undefined
      const equals = text.indexOf('=', at)
      const hasValue = equals >= 0 && equals < end
      const name = decodeFormText(text.slice(at, hasValue ? equals : end))
      fields.push([name, hasValue ? decodeFormText(text.slice(equals + 1, end)) : null])
    }
    at = end + 1
  }
  return fields
}

/** Fields by name: several of one name are a list, one without `=` is true. The object has no prototype: names are strangers'. */
export function fieldsByName(fields: readonly FormField[]): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>
  for (const [name, written] of fields) {
    const value = written ?? true
    const known = object[name]
    if (known === undefined) object[name] = value
    else if (Array.isArray(known)) known.push(value)
    else object[name] = [known, value]
  }
  return object
}

/** `%XX` and `+` decoded; bytes that are not UTF-8 become U+FFFD, and a `%` that begins no code is itself. */
export function decodeFormText(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    const bytes = spaced.replace(/(?:%[0-9a-fA-F]{2})+/g, (codes) =>
      Buffer.from(codes.replaceAll('%', ''), 'hex').toString(),
    )
    return bytes
  }
}

/** A Cookie field without the cookies of a name; the field itself when it has none. Names are case-sensitive (RFC 6265 section 5.4). */
export function withoutCookie(field: string, name: string): string {
  if (!field.includes(name)) return field
  const pairs = field.split(/[;,]\s*/)
  const kept = pairs.filter((pair) => nameOf(pair) !== name)
  return kept.length === pairs.length ? field : kept.join('; ')
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return (equals < 0 ? pair : pair.slice(0, equals)).trim()
}

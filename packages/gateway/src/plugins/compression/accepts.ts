/**
 * Whether a client takes a content coding (RFC 9110 section 12.5.3): it names it, or `*`, with a quality above 0. Without Accept-Encoding it is not asked for.
 *
 * @param field value of Accept-Encoding
 * @param coding lower case
 */
export function accepts(field: string | undefined, coding: string): boolean {
  if (field === undefined) return false
  let any = false
  for (const part of field.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';')
    const wanted = name.trim()
    if (wanted !== coding && wanted !== '*') continue
    const quality = parameters.map((one) => /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/.exec(one)?.[1]).find(Boolean)
    const yes = quality === undefined || Number(quality) > 0
    if (wanted === coding) return yes
    any = yes
  }
  return any
}

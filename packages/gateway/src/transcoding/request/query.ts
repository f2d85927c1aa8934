/** A name and value of a query or form, decoded. */
export type Parameter = readonly [name: string, value: string]

/** Takes a query or form apart (WHATWG URL, `application/x-www-form-urlencoded`); undefined for what cannot be decoded. */
export function parseQuery(query: string): Parameter[] | undefined {
  const parameters: Parameter[] = []
  for (const part of query.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decoded(equals < 0 ? part : part.slice(0, equals))
    const value = equals < 0 ? '' : decoded(part.slice(equals + 1))
    if (name === undefined || value === undefined) return undefined
    parameters.push([name, value])
  }
  return parameters
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

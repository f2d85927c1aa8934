/** Names and values, once with the last value of each name and once with all. */
export interface MultiValues {
  readonly last: Record<string, string>
  readonly all: Record<string, string[]>
}

/**
 * The fields of a request by name; what differs in case alone is one name, as it was written first. Those of the connection are not a function's
 * business.
 * @param lowerCase names in lower case
 */
export function headerValues(fields: Iterable<readonly [string, string]>, lowerCase: boolean): MultiValues {
  const values: MultiValues = { last: {}, all: {} }
  const names = new Map<string, string>()
  for (const [written, value] of fields) {
    const lower = written.toLowerCase()
    if (lower === 'content-length' || lower === 'connection') continue
    let name = names.get(lower)
    if (name === undefined) names.set(lower, (name = lowerCase ? lower : written))
    add(values, name, value)
  }
  return values
}

/** The members of a query. @param decoded false: as they are on the wire */
export function queryValues(query: string, decoded: boolean): MultiValues {
  const values: MultiValues = { last: {}, all: {} }
  if (query === '') return values
  if (decoded) for (const [name, value] of new URLSearchParams(query)) add(values, name, value)
  else {
    for (const member of query.split('&')) {
      if (member === '') continue
      const equals = member.indexOf('=')
      add(values, equals < 0 ? member : member.slice(0, equals), equals < 0 ? '' : member.slice(equals + 1))
    }
  }
  return values
}

/** null, where there is nothing. */
export const orNull = <T extends object>(values: T | undefined): T | null =>
  values === undefined || Object.keys(values).length === 0 ? null : values

function add({ last, all }: MultiValues, name: string, value: string): void {
  if (Object.hasOwn(all, name)) all[name].push(value)
  else define(all, name, [value])
  define(last, name, value)
}

/** An assignment to `__proto__` would define nothing. */
function define<T>(values: Record<string, T>, name: string, value: T): void {
  if (name === '__proto__')
    Object.defineProperty(values, name, { value, enumerable: true, writable: true, configurable: true })
  else values[name] = value
}

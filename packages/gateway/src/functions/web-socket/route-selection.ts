/** As AWS writes it: `$request.body.action`, `$request.body.a.b`. */
export const SELECTION_PATTERN = '^\\$request\\.body(\\.[a-zA-Z0-9_-]+)+$'

/** Picks the route of a message: the text at a place of its JSON; undefined: it has none there. */
export function routeSelector(expression: string): (message: Buffer) => string | undefined {
  const path = expression.split('.').slice(2)
  return (message) => {
    let value: unknown
    try {
      value = JSON.parse(message.toString())
    } catch {
      return undefined
    }
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
      value = (value as Record<string, unknown>)[name]
    }
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined
  }
}

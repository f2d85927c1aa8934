/** Finds a value within claims. */
export type ClaimReader = (claims: unknown) => unknown

/** One step of a path: `.name`, `['name']`, `["name"]`, `[0]`. A name at the beginning needs no dot. */
const STEP = /(?:^|\.)([^.[\]'"*?()@$\s]+)|\['([^'\\]+)'\]|\["([^"\\]+)"\]|\[(\d+)\]/y

/**
 * Compiles a path such as `groups`, `$.realm_access.roles` or `$['https://example.com/groups'][0]`: JSONPath (RFC 9535) as far as it leads to one
 * value. undefined: it is more than that.
 */
export function claimReader(path: string): ClaimReader | undefined {
  const text = path.startsWith('$') ? path.slice(1) : path
  const steps: string[] = []
  STEP.lastIndex = 0
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text)
    if (match === null) return undefined
    steps.push((match[1] ?? match[2] ?? match[3] ?? match[4])!)
  }
  if (steps.length === 0) return undefined
  return (claims) => {
    let value = claims
    for (const step of steps) {
      if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined
      value = (value as Record<string, unknown>)[step]
    }
    return value
  }
}

import type { ClusterSettings } from './kubernetes-settings.ts'

/** @throws Error with words when a pattern is no regular expression */
export function namespaceFilter(selector: ClusterSettings['namespace_selector']): (namespace: string) => boolean {
  const { equal, not_equal: notEqual, match, not_match: notMatch } = selector ?? {}
  if (equal !== undefined) return (namespace) => namespace === equal
  if (notEqual !== undefined) return (namespace) => namespace !== notEqual
  const patterns = (match ?? notMatch)?.map(compiled)
  if (patterns === undefined) return () => true
  return (namespace) => patterns.some((pattern) => pattern.test(namespace)) === (match !== undefined)
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw new Error(`"${pattern}" of "namespace_selector" is not a regular expression: ${(error as Error).message}`)
  }
}

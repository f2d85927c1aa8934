import { fitsTail, type Pattern } from './pattern.ts'
import type { HostPattern } from './host-pattern.ts'

/** Whether the pattern alone fits the path. For explanations; `matchTree` asks all patterns at once. */
export function fitsPattern(pattern: Pattern, path: string): boolean {
  let at = 0
  for (const [index, literal] of pattern.literals.entries()) {
    if (index > 0) {
      const slash = path.indexOf('/', at)
      const end = slash < 0 ? path.length : slash
      if (end === at) return false
      at = end
    }
    if (!path.startsWith(literal, at)) return false
    at += literal.length
  }
  if (!pattern.wildcard) return at === path.length
  return pattern.tail === undefined || fitsTail(pattern.tail, path, at)
}

/** Whether the host pattern fits; `withPort` is the host as it was sent. */
export function fitsHost(pattern: HostPattern, host: string, withPort: string | undefined): boolean {
  const text = pattern.port ? (withPort ?? host) : host
  return pattern.wildcard ? text.endsWith(pattern.text) : text === pattern.text
}

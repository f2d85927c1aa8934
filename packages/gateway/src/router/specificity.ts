import type { HostPattern } from './host-pattern.ts'
import { isExact, type Pattern } from './pattern.ts'

/** Which of two goes first: negative for the first, positive for the second, 0 when this rule does not tell. */
export interface Verdict {
  readonly order: number
  readonly why: string
}

const TIE: Verdict = { order: 0, why: '' }

function first(isFirst: boolean, why: string): Verdict {
  return { order: isFirst ? -1 : 1, why }
}

/** Of two hosts that fit the same request; undefined is "without a host". */
export function compareHosts(a: HostPattern | undefined, b: HostPattern | undefined): Verdict {
  if (a === undefined || b === undefined) return a === b ? TIE : first(b === undefined, 'it names the host')
  if (a.wildcard !== b.wildcard) return first(b.wildcard, 'its host is exact')
  if (a.port !== b.port) return first(a.port, 'it names the port')
  if (a.text.length === b.text.length) return TIE
  return first(a.text.length > b.text.length, 'its host wildcard is longer')
}

/** Of two patterns that fit the same path. Looks at the first place in which they differ. */
export function comparePatterns(a: Pattern, b: Pattern): Verdict {
  if (isExact(a) !== isExact(b)) return first(isExact(a), 'its path is exact')
  for (let part = 0; ; part++) {
    const literalA = a.literals[part]
    const literalB = b.literals[part]
    // Both fit the path, so the shorter literal is where the longer one starts.
    if (literalA.length !== literalB.length)
      return first(literalA.length > literalB.length, 'its literal text is longer')
    const moreA = part < a.parameters.length
    const moreB = part < b.parameters.length
    if (moreA && moreB) continue
    if (moreA !== moreB) return first(moreA, 'a parameter goes before a wildcard')
    return a.wildcard === b.wildcard ? TIE : first(b.wildcard, 'its path ends here')
  }
}

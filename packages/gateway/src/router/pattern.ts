/** What stands after the first `*` of `/a/*\/b/*\/c`, of which only the part before the `*` can be looked up in a tree. */
export interface Tail {
  /** The literal text between one `*` and the next, the last one up to the end of the path. */
  readonly pieces: readonly string[]
  /** Whether the pattern ends in `*`, so that anything may follow the last piece. */
  readonly open: boolean
}

/**
 * A path pattern, taken apart. `/a/:id/*rest` has the literals `/a/` and `/`, the parameter `id` between them, and takes
 * the rest of the path as `rest`.
 */
export interface Pattern {
  readonly text: string
  /** The text before, between and after the parameters: one more than there are parameters. */
  readonly literals: readonly string[]
  readonly parameters: readonly string[]
  /** Whether a `*` follows the last literal. */
  readonly wildcard: boolean
  /** The name of a `*name` at the end. */
  readonly wildcardName: string | undefined
  readonly tail: Tail | undefined
}

/** A path pattern that means nothing. */
export class PatternError extends Error {
  constructor(pattern: string, reason: string) {
    super(`"${pattern}" ${reason}`)
    this.name = 'PatternError'
  }
}

/** APISIX's own bound of a `uri`; it also bounds the depth of the tree. */
export const MAX_PATTERN_LENGTH = 4096

/** Sixteen is the most that public APIs show; the matcher keeps a place for each of these. */
export const MAX_PARAMETERS = 64

const NAME = /^[A-Za-z0-9_-]+$/

/** Whether the pattern is a plain path, found by hash. */
export function isExact(pattern: Pattern): boolean {
  return !pattern.wildcard && pattern.parameters.length === 0
}

/**
 * Reads a path pattern.
 *
 * - `/a/b`: that path.
 * - `/a/*`: every path that starts with `/a/`; `/a*` also `/a` and `/ab`. `*` alone: everything, also `OPTIONS *`.
 * - `/a/:id`, `/a/:id/edit`, `/a/:id/*`: a segment that starts with `:` is any one segment that is not empty. Elsewhere in
 *   a segment a colon is itself (`/v1/things:batch`).
 * - `/a/*name`: as `/a/*`, and the rest of the path is the parameter `name`.
 * - `/a/*\/b`: `*` as a whole segment stands for any text, slashes included.
 *
 * @throws PatternError saying what is wrong and what would be right
 */
export function parsePattern(text: string): Pattern {
  const fail = (reason: string): never => {
    throw new PatternError(text.length > 80 ? `${text.slice(0, 79)}…` : text, reason)
  }
  if (text === '') fail('is empty; write "/*" for every path')
  if (text.length > MAX_PATTERN_LENGTH) fail(`is longer than ${MAX_PATTERN_LENGTH} characters`)
  if (text === '*')
    return { text, literals: [''], parameters: [], wildcard: true, wildcardName: undefined, tail: undefined }
  if (text[0] !== '/') fail(`must start with "/"; write "/${text}"`)

  const literals: string[] = []
  const parameters: string[] = []
  let literal = ''
  const segments = text.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '' && !last) fail('has an empty segment; slashes in a request are merged, so write one')
    if (segment === '.' || segment === '..')
      fail(`has the segment "${segment}", which is resolved before routes are matched`)
    literal += '/'
    const star = segment.indexOf('*')
    if (segment[0] === ':') {
      const name = segment.slice(1)
      if (!NAME.test(name)) {
        fail(
          `has a bad parameter "${segment}": a parameter takes a whole segment, as ":" and letters, digits, "_" or "-"`,
        )
      }
      literals.push(literal)
      parameters.push(name)
      literal = ''
    } else if (star < 0) {
      literal += segment
    } else {
      literals.push(literal + segment.slice(0, star))
      const pattern = readWildcard(text, literals, parameters, segments, index, fail)
      return checkParameters(pattern, fail)
    }
  }
  literals.push(literal)
  return checkParameters(
    { text, literals, parameters, wildcard: false, wildcardName: undefined, tail: undefined },
    fail,
  )
}

/** The pattern whose first `*` is in `segments[index]`; `literals` has the text before it. */
function readWildcard(
  text: string,
  literals: readonly string[],
  parameters: readonly string[],
  segments: readonly string[],
  index: number,
  fail: (reason: string) => never,
): Pattern {
  const segment = segments[index]
  const last = index === segments.length - 1
  const name = segment[0] === '*' ? segment.slice(1) : ''
  if (name !== '') {
    if (!NAME.test(name))
      fail(`has a bad wildcard "${segment}": after "*" comes its name in letters, digits, "_" or "-"`)
    if (!last) fail(`has something after "${segment}", which takes all the rest of the path`)
    return { text, literals, parameters, wildcard: true, wildcardName: name, tail: undefined }
  }
  if (!segment.endsWith('*') || segment.indexOf('*') !== segment.length - 1 || (!last && segment !== '*')) {
    fail('has a "*" inside a segment; it must be the last character or a whole segment')
  }
  return {
    text,
    literals,
    parameters,
    wildcard: true,
    wildcardName: undefined,
    tail: readTail(segments.slice(index + 1), fail),
  }
}

function readTail(segments: readonly string[], fail: (reason: string) => never): Tail | undefined {
  if (segments.length === 0) return undefined
  const pieces: string[] = []
  let piece = ''
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '' && !last) fail('has an empty segment; slashes in a request are merged, so write one')
    if (segment === '.' || segment === '..')
      fail(`has the segment "${segment}", which is resolved before routes are matched`)
    if (segment[0] === ':') fail(`has the parameter "${segment}" after "*"; parameters must come first`)
    piece += '/'
    if (segment === '*' || (last && segment.indexOf('*') === segment.length - 1 && segment !== '')) {
      pieces.push(piece + segment.slice(0, -1))
      piece = ''
    } else if (segment.includes('*')) {
      fail('has a "*" inside a segment; it must be the last character or a whole segment')
    } else {
      piece += segment
    }
  }
  if (piece !== '') pieces.push(piece)
  return { pieces, open: piece === '' }
}

function checkParameters(pattern: Pattern, fail: (reason: string) => never): Pattern {
  const names = pattern.wildcardName === undefined ? pattern.parameters : [...pattern.parameters, pattern.wildcardName]
  if (names.length > MAX_PARAMETERS) fail(`has more than ${MAX_PARAMETERS} parameters`)
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) fail(`has the parameter "${name}" twice`)
  }
  return pattern
}

/** Whether what is left of `path` from `from` on fits the tail. Linear, where a regular expression could be made to backtrack. */
export function fitsTail(tail: Tail, path: string, from: number): boolean {
  const { pieces, open } = tail
  const anchored = open ? pieces.length : pieces.length - 1
  let at = from
  for (let index = 0; index < anchored; index++) {
    const found = path.indexOf(pieces[index], at)
    if (found < 0) return false
    at = found + pieces[index].length
  }
  return open || (path.length - pieces[anchored].length >= at && path.endsWith(pieces[anchored]))
}

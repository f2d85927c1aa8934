import { ANY, decodeSegment, type PathTemplate, REST } from './path-template.ts'

/** What stands at the end of a template: by verb, then by HTTP method. */
type Leaf<T> = Map<string, Map<string, T>>

class Node<T> {
  readonly literals = new Map<string, Node<T>>()
  any: Node<T> | undefined = undefined
  /** Templates that end in `**` here. */
  rest: Leaf<T> | undefined = undefined
  /** Templates that end here. */
  end: Leaf<T> | undefined = undefined
}

/** Longer paths match nothing: a bound on what one request costs. */
const MAX_PATH_SEGMENTS = 256

export type PathMatch<T> =
  | { readonly value: T; readonly segments: readonly string[] }
  /** The path is known, the method is not. Empty: the path is unknown. */
  | { readonly allowed: readonly string[] }

/**
 * Finds templates by path. One node for each segment:
 *
 * ```
 * /v1/shelves            v1 ─ shelves ┬ (end)
 * /v1/shelves/{shelf}                 └ * (end; ":merge")
 * /v1/shelves/{shelf}:merge
 * /v1/{name=files/**}       └ files ─ ** (rest)
 * ```
 *
 * Literals go before `*`, that before `**`, a template with the path's verb before one without. Since the depth of a node is the index of its
 * segment, a match visits no node twice.
 */
export class PathTrie<T> {
  private readonly root = new Node<T>()

  /** Returns what stands there already: templates that differ only in the names of variables exclude each other. */
  insert(template: PathTemplate, method: string, value: T): T | undefined {
    let node = this.root
    for (const segment of template.segments) {
      if (segment === REST) break
      let child = segment === ANY ? node.any : node.literals.get(segment.literal)
      if (child === undefined) {
        child = new Node<T>()
        if (segment === ANY) node.any = child
        else node.literals.set(segment.literal, child)
      }
      node = child
    }
    const endsInRest = template.segments[template.segments.length - 1] === REST
    const leaf = endsInRest ? (node.rest ??= new Map()) : (node.end ??= new Map())
    let methods = leaf.get(template.verb)
    if (methods === undefined) leaf.set(template.verb, (methods = new Map()))
    const known = methods.get(method)
    if (known === undefined) methods.set(method, value)
    return known
  }

  /** `path` as it was sent, without the query; '*' among the methods of a rule is any method. */
  match(path: string, method: string): PathMatch<T> {
    const segments = path === '/' ? [] : path.slice(1).split('/')
    if (!path.startsWith('/') || segments.length > MAX_PATH_SEGMENTS) return { allowed: [] }
    const search = new Search<T>(method)
    const last = segments.length - 1
    const colon = last < 0 ? -1 : segments[last].lastIndexOf(':')
    if (colon >= 0) {
      const verb = segments[last].slice(colon + 1)
      const plain = [...segments.slice(0, last), segments[last].slice(0, colon)]
      const value = search.visit(this.root, plain, 0, verb)
      if (value !== undefined) return { value, segments: plain }
    }
    const value = search.visit(this.root, segments, 0, '')
    return value === undefined ? { allowed: [...search.allowed] } : { value, segments }
  }
}

class Search<T> {
  /** Methods of templates that fit but for the method. */
  readonly allowed = new Set<string>()
  private readonly method: string

  constructor(method: string) {
    this.method = method
  }

  visit(node: Node<T>, segments: readonly string[], at: number, verb: string): T | undefined {
    if (at === segments.length) return this.take(node.end, verb) ?? this.take(node.rest, verb)
    const segment = segments[at]
    const literal = node.literals.get(decodeSegment(segment) ?? segment)
    return (
      (literal && this.visit(literal, segments, at + 1, verb)) ??
      (segment !== '' && node.any !== undefined ? this.visit(node.any, segments, at + 1, verb) : undefined) ??
      this.take(node.rest, verb)
    )
  }

  private take(leaf: Leaf<T> | undefined, verb: string): T | undefined {
    const methods = leaf?.get(verb)
    if (methods === undefined) return undefined
    const value = methods.get(this.method) ?? methods.get('*')
    if (value === undefined) for (const known of methods.keys()) this.allowed.add(known)
    return value
  }
}

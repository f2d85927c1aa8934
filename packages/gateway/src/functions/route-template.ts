/** A path pattern of a route as AWS writes it, and the parameters that it takes. */
export interface RouteTemplate {
  /** `/a/{id}/{proxy+}` */
  readonly resource: string
  /** Of the path. */
  readonly parameters: Readonly<Record<string, string>> | undefined
}

interface CompiledPattern {
  readonly resource: string
  readonly exact: string | undefined
  /** The text before the first parameter or `*`. */
  readonly prefix: string
  /** Slashes before an unnamed `*` at the end; -1: there is none. */
  readonly slashes: number
}

/** Finds the pattern of a route that a request came by: what AWS calls its resource. */
export class RouteTemplates {
  private readonly patterns: readonly CompiledPattern[]

  constructor(uris: readonly string[]) {
    // The more specific ones first.
    this.patterns = uris.map(compile).sort((a, b) => b.prefix.length - a.prefix.length)
  }

  /** @param captured parameters that the router found, by name */
  of(path: string, captured: Readonly<Record<string, string>> | undefined): RouteTemplate {
    const { patterns } = this
    const found =
      patterns.find(({ exact }) => exact === path) ??
      patterns.find(({ exact, prefix }) => exact === undefined && path.startsWith(prefix))
    if (found === undefined) return { resource: path, parameters: captured }
    if (found.slashes < 0) return { resource: found.resource, parameters: captured }
    return { resource: found.resource, parameters: { ...captured, proxy: behind(path, found.slashes) } }
  }
}

function compile(uri: string): CompiledPattern {
  const special = /[:*]/.exec(uri)
  const segments = uri.split('/').map((segment) => {
    if (segment.startsWith(':') && segment.length > 1) return `{${segment.slice(1)}}`
    if (segment.startsWith('*')) return segment === '*' ? '{proxy+}' : `{${segment.slice(1)}+}`
    return segment
  })
  const openEnd = uri.endsWith('/*')
  return {
    resource: segments.join('/'),
    exact: special === null ? uri : undefined,
    prefix: special === null ? uri : uri.slice(0, special.index),
    slashes: openEnd ? segments.length - 1 : -1,
  }
}

/** What follows the `count`th slash. */
function behind(path: string, count: number): string {
  let at = -1
  for (let left = count; left > 0; left--) at = path.indexOf('/', at + 1)
  return path.slice(at + 1)
}

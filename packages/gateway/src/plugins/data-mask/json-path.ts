/** A path that is refused. */
export class JsonPathError extends Error {
  readonly pointer: string

  constructor(pointer: string, message: string) {
    super(message)
    this.pointer = pointer
  }
}

/** A name, an index, or everything; `deep`: at any depth below. */
export interface PathStep {
  readonly key: string
  readonly any: boolean
  readonly deep: boolean
}

const STEP = /(\.\.|\.)?(?:\[(?:(\d+)|(\*)|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]|(\*)|([^\s.[\]*?()@'",:]+))/y

/** The steps of a JSONPath of names, indexes and `*` (RFC 9535, without filters, slices and lists). @throws JsonPathError at `pointer` */
export function jsonPath(path: string, pointer: string): PathStep[] {
  const steps: PathStep[] = []
  let at = path.startsWith('$') ? 1 : 0
  if (at === 1 && path.length === 1)
    throw new JsonPathError(pointer, '"$" is the whole body; do not log it, or name its fields: "$.*"')
  while (at < path.length) {
    STEP.lastIndex = at
    const match = STEP.exec(path)
    const [whole, dots, index, star, single, double, bareStar, name] = match ?? []
    const bare = name ?? bareStar
    // A name needs a dot before it, save the very first without a `$`; a bracket takes none, or two.
    const wrong = match === null || (bare === undefined ? dots === '.' : dots === undefined && at !== 0)
    if (wrong) {
      throw new JsonPathError(
        pointer,
        `"${path}" is no path of names at "${path.slice(at)}"; filters, slices and lists are not supported: write paths such as "$.cards[*].number"`,
      )
    }
    const quoted = single ?? double
    const key = index ?? quoted?.replace(/\\(.)/g, '$1') ?? name ?? '*'
    steps.push({ key, any: star !== undefined || bareStar !== undefined, deep: dots === '..' })
    at += whole!.length
  }
  return steps
}

/** Changes each place that a path leads to; `change` gives the new value, undefined takes it out. */
export function changeAt(
  value: unknown,
  steps: readonly PathStep[],
  change: (value: unknown) => unknown,
  from = 0,
): void {
  if (typeof value !== 'object' || value === null) return
  const step = steps[from]
  // From behind: taking one out of a list moves those that follow.
  for (const key of Object.keys(value).reverse()) {
    const place = value as Record<string, unknown>
    if (step.any || key === step.key) {
      if (from === steps.length - 1) {
        const changed = change(place[key])
        if (changed !== undefined) place[key] = changed
        else if (Array.isArray(value)) value.splice(Number(key), 1)
        else delete place[key]
      } else changeAt(place[key], steps, change, from + 1)
    }
    if (step.deep && Object.hasOwn(value, key)) changeAt(place[key], steps, change, from)
  }
}

import type { Operation } from './operation.ts'
import { decodeLabel } from './percent-decoding.ts'

/** The operation that a request asks for, and the labels of its path in order. */
export interface RoutedOperation {
  readonly operation: CompiledOperation
  readonly labels: readonly string[]
}

interface CompiledOperation {
  readonly operation: Operation
  readonly labelNames: readonly string[]
  /** Member of the query that it asks for: `['List', 'ALL']`. */
  readonly member: readonly [name: string, value: string] | undefined
}

interface Node {
  readonly literals: Map<string, Node>
  label: Node | undefined
  readonly operations: Map<string, CompiledOperation[]>
}

const newNode = (): Node => ({ literals: new Map(), label: undefined, operations: new Map() })

/**
 * Finds operations by method and path. The paths form a tree of segments, where a literal goes before a label:
 *
 *     2015-03-31 ─ functions ┬ POST CreateFunction, GET ListFunctions
 *                            └ {FunctionName} ┬ GET GetFunction, DELETE DeleteFunction
 *                                             ├ configuration ─ GET, PUT
 *                                             └ aliases ┬ POST, GET
 *                                                       └ {Name} ─ GET, PUT, DELETE
 */
export class RouteTable {
  private readonly root = newNode()

  /** Throws for two operations that no request could tell apart. */
  constructor(operations: readonly Operation[]) {
    for (const operation of operations) this.add(operation)
  }

  /**
   * @param path as it is on the wire
   * @returns undefined: there is none; a text: the label that is not percent-encoded as it should be
   */
  find(method: string, path: string, query: string): RoutedOperation | string | undefined {
    const segments = segmentsOf(path)
    const labels: string[] = []
    const node = segments.length > MAX_SEGMENTS ? undefined : descend(this.root, segments, 0, method, labels)
    const candidates = node?.operations.get(method)
    if (candidates === undefined) return undefined
    const operation = candidates.find(({ member }) => member === undefined || hasMember(query, member))
    if (operation === undefined) return undefined
    for (let at = 0; at < labels.length; at++) {
      const label = decodeLabel(labels[at])
      if (label === undefined) return labels[at]
      labels[at] = label
    }
    return { operation, labels }
  }

  private add(operation: Operation): void {
    const [path, query = ''] = operation.path.split('?')
    const labelNames: string[] = []
    let node = this.root
    for (const segment of segmentsOf(path)) {
      if (segment.startsWith('{')) {
        labelNames.push(segment.slice(1, -1))
        node = node.label ??= newNode()
      } else {
        let next = node.literals.get(segment)
        if (next === undefined) node.literals.set(segment, (next = newNode()))
        node = next
      }
    }
    const [name, value = ''] = query.split('=')
    const compiled: CompiledOperation = { operation, labelNames, member: query === '' ? undefined : [name, value] }
    const others = node.operations.get(operation.method) ?? []
    const same = others.find(({ member }) => String(member) === String(compiled.member))
    if (same !== undefined)
      throw new Error(`${same.operation.name} and ${operation.name} have the same method and path`)
    node.operations.set(operation.method, compiled.member === undefined ? [...others, compiled] : [compiled, ...others])
  }
}

/** The deepest operation has six. */
const MAX_SEGMENTS = 16

/** Without the empty ones at either end: a slash at the end makes no difference. */
function segmentsOf(path: string): string[] {
  const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length
  return path.slice(1, end).split('/')
}

function descend(
  node: Node,
  segments: readonly string[],
  at: number,
  method: string,
  labels: string[],
): Node | undefined {
  if (at === segments.length) return node.operations.has(method) ? node : undefined
  const segment = segments[at]
  const literal = node.literals.get(segment)
  const found = literal === undefined ? undefined : descend(literal, segments, at + 1, method, labels)
  if (found !== undefined || node.label === undefined || segment === '') return found
  labels.push(segment)
  const labelled = descend(node.label, segments, at + 1, method, labels)
  if (labelled === undefined) labels.pop()
  return labelled
}

/** The name must be there; the value, if one is asked for, must be that. */
const hasMember = (query: string, [name, value]: readonly [string, string]): boolean =>
  query.includes(name) && new URLSearchParams(query).getAll(name).some((one) => value === '' || one === value)

/** By name, for `ApiRequest.labels`. */
export function namedLabels({ operation, labels }: RoutedOperation): Record<string, string> {
  const named: Record<string, string> = {}
  operation.labelNames.forEach((name, at) => (named[name] = labels[at]))
  return named
}

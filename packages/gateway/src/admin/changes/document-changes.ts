import { identify } from '../../config/checks/identities.ts'
import { type ConfigProblem, type Finding, Findings, pointerPart } from '../../config/problem.ts'
import type { ConfigSource } from '../../config/source.ts'
import type { DocumentChange } from '../../control/control-plane.ts'
import { idField } from '../../resources/identity.ts'
import { RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import { badRequest, refusedFor } from '../request/admin-error.ts'
import { type Fields, isObject } from '../request/read-body.ts'
import type { ShownProblem } from '../request/shown-problem.ts'

/** A whole document as changes, and where each resource stands in it. */
export interface DocumentChanges {
  readonly changes: readonly DocumentChange[]
  /** Problems of the control plane with the line and column of the body where they stand. */
  readonly placed: (problems: readonly ConfigProblem[]) => ShownProblem[]
}

/**
 * Reads lists of resources as in `sekisho.yaml`: `{ "routes": [ … ], "upstreams": [ … ] }`, and ids of resources to delete:
 * `{ "delete": { "routes": ["1"] } }` (not with `replace`). Resources without an id get the one that a file would give them.
 */
export function documentChanges(source: ConfigSource, replace: boolean): DocumentChanges {
  const document = source.value
  if (!isObject(document)) throw badRequest('the body must be an object with lists as "routes" and "upstreams"')
  const findings = new Findings()
  const changes: DocumentChange[] = []
  const places = new Map<string, string>()
  for (const [name, list] of Object.entries(document)) {
    if (name === 'delete' && !replace) {
      changes.push(...deletions(list, findings))
      continue
    }
    const kind = kindOf(name, `/${pointerPart(name)}`, findings)
    if (kind === undefined || list === null) continue
    if (Array.isArray(list)) {
      for (const { id, item, path } of entriesOf(kind, list, findings)) {
        places.set(`/${kind}/${pointerPart(id)}`, path)
        changes.push({ kind, id, value: item[idField(kind)] === undefined ? { id, ...item } : item })
      }
    } else findings.add({ path: `/${kind}`, message: 'must be a list' })
  }
  const placed = (problems: readonly Finding[]): ShownProblem[] =>
    problems.map((problem) => shown(source, places, problem))
  if (findings.list.length > 0) throw refusedFor(placed(findings.list))
  return { changes: inOrder(changes), placed }
}

function kindOf(name: string, path: string, findings: Findings): ResourceKind | undefined {
  const kind = RESOURCE_KINDS.find((known) => known === name)
  if (kind !== undefined) return kind
  const remedy = `lists here are ${RESOURCE_KINDS.toSorted().join(', ')}; settings of a node stay in its configuration file`
  findings.add({ path, atKey: true, message: 'is no list of resources', remedy })
  return undefined
}

function entriesOf(kind: ResourceKind, list: readonly unknown[], findings: Findings) {
  const items: [Fields, number][] = []
  for (const [index, item] of list.entries()) {
    if (isObject(item)) items.push([item, index])
    else findings.add({ path: `/${kind}/${index}`, message: 'must be an object' })
  }
  return identify(kind, items, findings)
}

function deletions(written: unknown, findings: Findings): DocumentChange[] {
  const path = '/delete'
  if (!isObject(written)) {
    findings.add({ path, message: 'must be an object', remedy: 'write {"routes": ["1"]}' })
    return []
  }
  return Object.entries(written).flatMap(([name, ids]) => {
    const kind = kindOf(name, `${path}/${pointerPart(name)}`, findings)
    if (kind === undefined) return []
    if (Array.isArray(ids) && ids.every((id) => typeof id === 'string' || typeof id === 'number'))
      return ids.map((id) => ({ kind, id: String(id), value: undefined }))
    findings.add({ path: `${path}/${kind}`, message: 'must be a list of ids' })
    return []
  })
}

/** What others refer to comes first, and goes last. */
function inOrder(changes: readonly DocumentChange[]): DocumentChange[] {
  const rank = ({ kind, value }: DocumentChange): number =>
    value === undefined ? 2 * RESOURCE_KINDS.length - RESOURCE_KINDS.indexOf(kind) : RESOURCE_KINDS.indexOf(kind)
  return changes.toSorted((a, b) => rank(a) - rank(b))
}

/** Paths stay as the control plane says them, `/routes/hello/uri`: an index would be of no use where there was no list. */
function shown(source: ConfigSource, places: ReadonlyMap<string, string>, problem: Finding): ShownProblem {
  const { path, value, message, remedy, atKey } = problem
  const resource = path.split('/').slice(0, 3).join('/')
  const place = places.get(resource) ?? resource
  const { line, column } = source.locate(place + path.slice(resource.length), atKey === true)
  return {
    path,
    ...(value === undefined ? {} : { value }),
    message,
    ...(remedy === undefined ? {} : { remedy }),
    ...(line > 0 ? { line, column } : {}),
  }
}

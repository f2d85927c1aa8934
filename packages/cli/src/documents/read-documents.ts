import { readFileSync } from 'node:fs'
import { suggest } from '@sekisho/gateway/internal/config/explain/suggest'
import { readConfigFile } from '@sekisho/gateway/internal/config/load'
import { type ConfigProblem, type Finding, pointerPart, pointerParts } from '@sekisho/gateway/internal/config/problem'
import { type ConfigSource, NO_PLACE, type ReadResult } from '@sekisho/gateway/internal/config/source'
import { settingsFields } from '@sekisho/gateway/internal/config/settings/settings'
import { readYaml } from '@sekisho/gateway/internal/config/yaml/read-yaml'
import { derivedIds, idField, writtenId } from '@sekisho/gateway/internal/resources/identity'
import { RESOURCE_KINDS, type ResourceKind } from '@sekisho/gateway/internal/resources/kind-names'
import type { AdminProblem, Document } from '../admin-client/answers.ts'
import type { Lists } from '../admin-client/admin-client.ts'
import { withPemFiles } from './pem-files.ts'

/** The resources of a configuration file, each with its id. */
export interface DocumentFile {
  readonly file: string
  readonly lists: Lists
  /** Settings of a node that stand in the file as well: nothing that a store holds. */
  readonly settings: readonly string[]
  /** A problem that the Admin API tells, with its place in the file. */
  locate(problem: AdminProblem): ConfigProblem
}

/**
 * Reads the resources of a configuration file; `-` is YAML on standard input. What they say is for the gateway to check, which knows its plugins:
 * here it is read, given ids as the gateway would give them, and certificates that are named by file are put in.
 */
export async function readDocuments(
  file: string,
): Promise<DocumentFile | { readonly problems: readonly ConfigProblem[] }> {
  const read: ReadResult = file === '-' ? readStandardInput() : await readConfigFile(file, {})
  if ('findings' in read)
    return { problems: read.findings.map(({ place, ...finding }) => problem(file, finding, place)) }
  const { source } = read
  const findings = checkTop(source.value)
  if (findings.length > 0) return { problems: located(source, findings) }
  const top = source.value as Document
  const lists: Record<string, readonly Document[]> = {}
  for (const kind of RESOURCE_KINDS) {
    if (top[kind] === undefined) continue
    const items = (top[kind] ?? []) as readonly Document[]
    const complete = withPemFiles(items, source.file, `/${kind}`, findings) as Document[]
    lists[kind] = withIds(kind, complete)
  }
  if (findings.length > 0) return { problems: located(source, findings) }
  return {
    file,
    lists,
    settings: Object.keys(top).filter(isSetting),
    locate: (found) => locate(source, lists, found),
  }
}

function readStandardInput(): ReadResult {
  return readYaml('standard input', readFileSync(0, 'utf8'), process.env)
}

/** What is so wrong that it cannot even be sent. */
function checkTop(value: unknown): Finding[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ path: '', message: 'is no configuration: it must have lists as "routes" and "upstreams"' }]
  const findings: Finding[] = []
  const kinds: readonly string[] = RESOURCE_KINDS
  for (const [name, list] of Object.entries(value)) {
    const path = `/${name}`
    if (isSetting(name)) continue
    if (!kinds.includes(name)) {
      const meant = suggest(name, [...kinds, ...Object.keys(settingsFields)])
      findings.push({
        path,
        atKey: true,
        message: `unknown key "${name}"`,
        remedy: meant && `did you mean "${meant}"?`,
      })
    } else if (list !== null && !(Array.isArray(list) && list.every(isObject)))
      findings.push({ path, message: 'must be a list of objects' })
  }
  if (!kinds.some((kind) => kind in value)) {
    findings.push({
      path: '',
      message: 'has no resources, and to apply it would delete all there are',
      remedy: 'if that is meant, write "routes: []"',
    })
  }
  return findings
}

const isSetting = (name: string): boolean => Object.hasOwn(settingsFields, name)

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

function withIds(kind: ResourceKind, items: readonly Document[]): Document[] {
  const field = idField(kind)
  if (field !== 'id') return [...items]
  const without = items.filter((item) => writtenId(kind, item) === undefined)
  const ids = derivedIds(kind, without)[Symbol.iterator]()
  return items.map((item) => (writtenId(kind, item) === undefined ? { id: ids.next().value, ...item } : item))
}

/**
 * `/routes/hello/uri` leads to the item of that id, else `/routes/0` to that place; what is neither is a resource that is not in the file, and
 * that the change would break.
 */
function locate(source: ConfigSource, lists: Lists, found: AdminProblem): ConfigProblem {
  const [kind = '', id = '', ...rest] = pointerParts(found.path)
  const list = lists[kind] ?? []
  const at = list.findIndex((item) => writtenId(kind as ResourceKind, item) === id)
  const index = at < 0 && /^\d+$/.test(id) ? Number(id) : at
  if (list[index] === undefined) return problem('in the store', found, NO_PLACE)
  const path = ['', kind, index, ...rest.map(pointerPart)].join('/')
  return problem(source.file, { ...found, path }, source.locate(path, false))
}

const located = (source: ConfigSource, findings: readonly Finding[]): ConfigProblem[] =>
  findings.map((finding) => problem(source.file, finding, source.locate(finding.path, finding.atKey === true)))

const problem = (
  file: string,
  { path, value, message, remedy }: Finding,
  { line, column, source }: Pick<ConfigProblem, 'line' | 'column' | 'source'>,
): ConfigProblem => ({ file, line, column, path, value, message, remedy, source })

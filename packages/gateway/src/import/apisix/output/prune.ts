import { type Finding, Findings, pointerPart, pointerParts } from '../../../config/problem.ts'
import { validateDocument } from '../../../config/validate.ts'
import { KIND_SINGULAR, RESOURCE_KINDS } from '../../../resources/kind-names.ts'
import type { Fields } from '../../output/noted.ts'
import type { ImportContext, Resource } from '../import-context.ts'
import { isGuard } from '../plugins/guards.ts'
import { loseGuard } from '../plugins/plugin-set.ts'
import { closeUnguarded } from './close.ts'
import { cacheSetting } from './cache-zones.ts'
import { discoverySetting } from './discovery.ts'
import { listeners } from './listeners.ts'

/** Each round takes out what was found, up to a thousand things; what referred to these is found in the next. */
const MAX_ROUNDS = 200

/**
 * Takes out what the check of configurations refuses, and tells why: first the field, where it is one that nobody knows, else the plugin, else the
 * resource. What is left passes the check. Returns the listeners for it.
 */
export async function prune(context: ImportContext, file: string): Promise<unknown[]> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    closeUnguarded(context)
    const listen = listeners(context)
    const { document, at } = documentOf(context.resources, listen)
    document['discovery'] = discoverySetting(context.resources) ?? {}
    document['proxy_cache'] = cacheSetting(context.resources) ?? {}
    const findings = new Findings()
    const known = withVariables(document)
    await validateDocument(known, file, { plugins: context.plugins, environment: ANY_VARIABLE }, findings)
    const wrong = findings.list.filter((finding) => at.has(ownerOf(finding)) && !isReference(document, finding))
    if (wrong.length === 0) return listen
    const done = new Set<Resource>()
    for (const finding of wrong) {
      const resource = at.get(ownerOf(finding))
      // One at a time: what is found next may be a consequence.
      if (resource === undefined || done.has(resource)) continue
      done.add(resource)
      takeOut(resource, pointerParts(finding.path).slice(2), finding, context)
    }
  }
  throw new Error('the import does not come to an end')
}

/** What a variable holds, only the machine of the gateway knows. */
const ANY_VARIABLE = new Proxy<Record<string, string>>({}, { get: (_target, name) => `variable ${String(name)}` })

function documentOf(resources: readonly Resource[], listen: readonly unknown[]) {
  const at = new Map<string, Resource>()
  const document: Fields = { listen }
  for (const kind of RESOURCE_KINDS) {
    const list = resources.filter((resource) => resource.kind === kind)
    for (const [index, resource] of list.entries()) at.set(`${kind}/${index}`, resource)
    document[kind] = list.map(({ fields }) => fields)
  }
  return { document, at }
}

/** `routes/0` */
const ownerOf = ({ path }: Finding): string => pointerParts(path).slice(0, 2).join('/')

/** What stands for something that only the machine of the gateway knows is for `sekisho check`, there. */
function isReference(document: unknown, { path }: Finding): boolean {
  let value = document
  for (const part of pointerParts(path)) value = (value as Fields | null | undefined)?.[part]
  return typeof value === 'string' && (/^\$(env|file):\/\//.test(value) || value.includes('${{'))
}

/** A copy with something in place of `${{NAME}}`: its default, where it has one. */
function withVariables(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replaceAll(
      /\$\{\{\s*(\w+)\s*(?::=(.*?))?\s*\}\}/g,
      (_all, _name, byDefault?: string) => byDefault ?? 'variable',
    )
  if (Array.isArray(value)) return value.map(withVariables)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [withVariables(name) as string, withVariables(part)]),
  )
}

function takeOut(resource: Resource, rest: readonly string[], finding: Finding, context: ImportContext): void {
  const moved = resource.moved.get(rest.slice(0, 2).join('/'))
  const names = moved === undefined ? rest : rest.slice(2)
  const path = [moved ?? resource.path, ...names.map(pointerPart)].join('/')
  const text = `${finding.value === undefined ? '' : `${finding.value}: `}${finding.message}`
  const remedy = finding.remedy === undefined ? '' : ` (${finding.remedy})`
  const isUnknown = finding.atKey === true && finding.message.startsWith('unknown key')
  const [first, plugin] = rest
  if (isUnknown && rest.length > 0 && removeField(resource.fields, rest))
    return context.report.add('unknown field', path, finding.remedy)
  const isOpened = resource.kind === 'stream_routes' && plugin !== undefined && isGuard(plugin)
  if (first === 'plugins' && plugin !== undefined && !isOpened && removeField(resource.fields, ['plugins', plugin])) {
    loseGuard(resource, plugin, context)
    return context.report.add('not carried over', path, `${text}: the plugin is left out${remedy}`)
  }
  if (first === 'credentials' && plugin !== undefined && removeField(resource.fields, ['credentials', plugin]))
    return context.report.add('not carried over', path, `${text}: the credential is left out${remedy}`)
  if (first !== undefined && DESCRIPTIONS.has(first) && removeField(resource.fields, [first]))
    return context.report.add('invalid', path, text + remedy)
  context.resources.splice(context.resources.indexOf(resource), 1)
  const what = KIND_SINGULAR[resource.kind].replace('_', ' ')
  context.report.add('not carried over', path, `${text}: the ${what} is left out${remedy}`)
}

/** Without these a resource does the same. */
const DESCRIPTIONS: ReadonlySet<string> = new Set(['name', 'desc', 'labels'])

function removeField(fields: Fields, path: readonly string[]): boolean {
  const last = path.at(-1) as string
  let parent: unknown = fields
  for (const part of path.slice(0, -1)) parent = (parent as Fields | undefined)?.[part]
  if (typeof parent !== 'object' || parent === null || Array.isArray(parent) || !Object.hasOwn(parent, last))
    return false
  return delete (parent as Fields)[last]
}

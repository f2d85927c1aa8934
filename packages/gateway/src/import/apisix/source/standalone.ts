import { pointerPart } from '../../../config/problem.ts'
import type { Report } from '../../report/report.ts'
import { type Fields, isFields, kindNamed, type SourceItem } from './source-item.ts'

/** Whether this is what stands in an `apisix.yaml`: lists by their names. */
export const isStandalone = (value: Fields): boolean =>
  Object.entries(value).some(([name, list]) => kindNamed(name) === name && (Array.isArray(list) || list === null))

/** The resources of an `apisix.yaml`, or of the same as JSON. */
export function standaloneItems(document: Fields, report: Report): SourceItem[] {
  const items: SourceItem[] = []
  for (const [name, list] of Object.entries(document)) {
    const path = `/${pointerPart(name)}`
    const kind = kindNamed(name)
    if (kind !== undefined && Array.isArray(list)) items.push(...listItems(kind, list, path, report))
    else if (kind !== undefined && list === null) continue
    else if (kind === name) report.add('invalid', path, 'must be a list')
    else if (name === 'plugins') report.add('not carried over', path, ALL_PLUGINS)
    // Counters of an API-driven configuration: no part of what it says.
    else if (!name.endsWith('_conf_version')) report.add('unknown field', path)
  }
  return items
}

const ALL_PLUGINS = 'all plugins may be used; "plugins" of sekisho.yaml can name those that may'

function listItems(kind: string, list: readonly unknown[], path: string, report: Report): SourceItem[] {
  return list.flatMap((value, index) => {
    if (isFields(value)) return [{ kind, path: `${path}/${index}`, value }]
    report.add('invalid', `${path}/${index}`, 'must be an object')
    return []
  })
}

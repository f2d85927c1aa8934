import { readJson } from '../../../config/json/read-json.ts'
import type { ConfigSource, ReadResult } from '../../../config/source.ts'
import { readYaml } from '../../../config/yaml/read-yaml.ts'
import type { Report } from '../../report/report.ts'
import { exportedItems } from './admin-export.ts'
import { isFields, type SourceItem } from './source-item.ts'
import { isStandalone, standaloneItems } from './standalone.ts'

export interface FileItems {
  readonly source: ConfigSource
  readonly items: readonly SourceItem[]
}

/** Reads what APISIX wrote or reads: `apisix.yaml`, the same as JSON, or answers of the Admin API. */
export function readApisixFile(file: string, text: string, report: Report): FileItems | { readonly failure: string } {
  const isJson = file.endsWith('.json') || /^\s*[[{]/.test(text)
  const hidden = hideReferences(text)
  const read: ReadResult = isJson ? readJson(file, text) : readYaml(file, hidden, {})
  if ('findings' in read) {
    const { message, place } = read.findings[0]!
    return { failure: `${file}${place.line === 0 ? '' : `:${place.line}:${place.column}`}  ${message}` }
  }
  const { source } = read
  const value = isJson ? source.value : shownReferences(source.value)
  if (isFields(value) && isStandalone(value)) {
    if (!isJson && !/\n#END\s*$/.test(text)) report.add('warning', '', NO_END)
    return { source, items: standaloneItems(value, report) }
  }
  const items = exportedItems(value)
  if (text.includes('${{')) report.add('warning', '', VARIABLE)
  if (items.length > 0) return { source, items }
  return {
    failure: `${file}  is no configuration of APISIX: it has neither lists as "routes" nor answers of its Admin API`,
  }
}

const VARIABLE = '"${{" begins the name of an environment variable here'

const NO_END = 'APISIX takes a file without "#END" in its last line for one that is still being written'

/** `${{NAME}}` means the same in both gateways, so it stays. Reading would replace it: each of its braces is something else meanwhile. */
const REFERENCE = /\$\{\{[^{}\n]*\}\}/g
const HIDDEN = { '{': '\ue000', '}': '\ue001' } as const

const hideReferences = (text: string): string =>
  text.replaceAll(REFERENCE, (reference) => reference.replaceAll('{', HIDDEN['{']).replaceAll('}', HIDDEN['}']))

function shownReferences(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(HIDDEN['{'], '{').replaceAll(HIDDEN['}'], '}')
  if (Array.isArray(value)) return value.map(shownReferences)
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [shownReferences(name) as string, shownReferences(part)]),
  )
}

import type { Draft, Fields, Noted } from './draft.ts'

/** Collections that fit into so many characters, and hold nothing but scalars and lists, stand on one line. */
const MAX_FLOW = 100

/** Text that YAML reads as this text, also within a list on one line. */
const PLAIN = /^[A-Za-z0-9_/.][A-Za-z0-9_/.*-]*$/
/** Words and numbers that it does not read as text. */
const NOT_TEXT = /^(true|false|null|yes|no|on|off|y|n|[-+.]?\d[\d_.eExXoO+-]*|\.(inf|nan))$/i

/** A configuration as YAML: sections apart, one item of a list below the other, small things on one line. */
export function renderYaml(heading: readonly string[], settings: Fields, draft: Draft): string {
  const top: Fields = { listen: draft.listen, ...settings }
  const lists = (['ssls', 'upstreams', 'services', 'plugin_configs', 'routes', 'stream_routes'] as const).filter(
    (name) => draft[name].length > 0,
  )
  return [
    comments(heading, ''),
    ...Object.entries(top).map(([key, value]) => entry(key, value, '')),
    ...lists.map((name) => `\n${name}:\n${draft[name].map(item).join('')}`),
  ].join('')
}

const comments = (lines: readonly string[], indent: string): string =>
  lines.map((line) => `${indent}# ${line}\n`).join('')

/** A resource: its fields below each other, behind a dash. */
function item({ fields, notes }: Noted): string {
  const text = Object.entries(fields)
    .map(([key, value]) => entry(key, value, '    '))
    .join('')
  return `${comments(notes, '  ')}  - ${text.slice(4)}`
}

function entry(key: string, value: unknown, indent: string): string {
  const name = scalar(key)
  const flow = inFlow(value)
  if (flow !== undefined && (isSmall(value) || flow.length <= MAX_FLOW)) return `${indent}${name}: ${flow}\n`
  if (typeof value === 'string') return `${indent}${name}: ${block(value, `${indent}  `)}`
  if (Array.isArray(value)) return `${indent}${name}:\n${value.map((one) => element(one, indent)).join('')}`
  const inner = Object.entries(value as Fields).map(([each, part]) => entry(each, part, `${indent}  `))
  return `${indent}${name}:\n${inner.join('')}`
}

/** An item of a list that does not fit on one line. */
function element(value: unknown, indent: string): string {
  if (typeof value === 'string' && value.includes('\n')) return `${indent}  - ${block(value, `${indent}    `)}`
  const flow = inFlow(value, true)
  if (flow !== undefined && flow.length <= MAX_FLOW) return `${indent}  - ${flow}\n`
  if (Array.isArray(value)) return `${indent}  - [${value.map((one) => inFlow(one, true)).join(', ')}]\n`
  const inner = Object.entries(value as Fields).map(([key, part]) => entry(key, part, `${indent}    `))
  return `${indent}  - ${inner.join('').slice(indent.length + 4)}`
}

/** A text of several lines, as PEM is. */
function block(text: string, indent: string): string {
  const keep = text.endsWith('\n\n') ? '+' : text.endsWith('\n') ? '' : '-'
  const lines = text.replace(/\n$/, '').split('\n')
  return `|${keep}\n${lines.map((line) => (line === '' ? '\n' : `${indent}${line}\n`)).join('')}`
}

const isSmall = (value: unknown): boolean => typeof value !== 'object' || value === null

/** On one line; undefined for what has a map within a map, or a text of several lines. */
function inFlow(value: unknown, deep = false): string | undefined {
  if (typeof value === 'string') return value.includes('\n') && isBlockText(value) ? undefined : scalar(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) {
    const parts = value.map((part) => inFlow(part, deep))
    if (!deep && value.some((part) => typeof part === 'object' && part !== null)) return undefined
    return parts.includes(undefined) ? undefined : `[${parts.join(', ')}]`
  }
  const parts = Object.entries(value).map(([key, part]) => {
    const isMap = typeof part === 'object' && part !== null && !Array.isArray(part)
    const text = isMap && Object.keys(part as object).length > 0 ? undefined : inFlow(part, deep)
    return text === undefined ? undefined : `${scalar(key)}: ${text}`
  })
  if (parts.includes(undefined)) return undefined
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
}

/** Whether a literal block gives this text back: control characters and blanks at its front would not come through. */
const isBlockText = (text: string): boolean => /^[^\s]/.test(text) && !/[^\n -~\u00a0-\ud7ff\ue000-\ufffd]/.test(text)

function scalar(text: string): string {
  if (PLAIN.test(text) && !NOT_TEXT.test(text)) return text
  if (text.includes('\\') && !/[^ -~]|'/.test(text)) return `'${text}'`
  return JSON.stringify(text)
}

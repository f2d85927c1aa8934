import type { Fields, Noted } from './noted.ts'

/** Collections that fit into so many characters, and hold nothing but scalars and lists, stand on one line. */
const MAX_FLOW = 100

/** Text that YAML reads as this text, also within a list on one line. Nothing that could begin a number. */
const PLAIN = /^[A-Za-z_/][A-Za-z0-9_/.*-]*$/
/** Words that it does not read as text, or did not before version 1.2. */
const NOT_TEXT = /^(true|false|null|yes|no|on|off|y|n)$/i

/**
 * A configuration as YAML: settings, then lists of resources in the order of `lists`, apart; one item of a list below the other, small
 * things on one line. Empty lists are left out.
 */
export function renderYaml(
  heading: readonly string[],
  settings: Fields,
  lists: Readonly<Record<string, readonly Noted[]>>,
): string {
  return [
    comments(heading, ''),
    ...Object.entries(settings).map(([key, value]) => entry(key, value, '')),
    ...Object.entries(lists)
      .filter(([, items]) => items.length > 0)
      .map(([name, items]) => `\n${name}:\n${items.map(item).join('')}`),
  ].join('')
}

/** A part of a configuration as it would stand in one, indented by `indent`. */
export const renderEntries = (fields: Fields, indent: string): string => entries(fields, indent)

/** A value on one line. */
export const renderFlow = (value: unknown): string => flow(value)

const comments = (lines: readonly string[], indent: string): string =>
  lines.map((line) => `${indent}# ${line}\n`).join('')

/** A resource: its fields below each other, behind a dash. */
const item = ({ fields, notes }: Noted): string => `${comments(notes, '  ')}  - ${entries(fields, '    ').slice(4)}`

function entry(key: string, value: unknown, indent: string): string {
  const name = `${indent}${scalar(key)}:`
  if (isBlock(value)) return `${name} ${block(value, `${indent}  `)}`
  if (!isCollection(value) || fitsOneLine(value)) return `${name} ${flow(value)}\n`
  if (isList(value)) return `${name}\n${value.map((one) => element(one, `${indent}  `)).join('')}`
  return `${name}\n${entries(value, `${indent}  `)}`
}

const entries = (fields: Fields, indent: string): string =>
  Object.entries(fields)
    .map(([key, value]) => entry(key, value, indent))
    .join('')

/** An item of a list that does not fit on one line. */
function element(value: unknown, indent: string): string {
  if (isBlock(value)) return `${indent}- ${block(value, `${indent}  `)}`
  if (!isCollection(value) || isList(value) || fitsOneLine(value)) return `${indent}- ${flow(value)}\n`
  return `${indent}- ${entries(value, `${indent}  `).slice(indent.length + 2)}`
}

type Collection = Fields | readonly unknown[]

const isCollection = (value: unknown): value is Collection => typeof value === 'object' && value !== null

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

const isEmpty = (value: Collection): boolean => Object.keys(value).length === 0

/** Lists of scalars, and maps of these and of scalars, as long as they are short. */
function fitsOneLine(value: Collection): boolean {
  if (isEmpty(value)) return true
  const isSmall = isList(value)
    ? value.every((part) => !isCollection(part) && !isBlock(part))
    : Object.values(value).every((part) => !isBlock(part) && (!isCollection(part) || isSmallPart(part)))
  return isSmall && flow(value).length <= MAX_FLOW
}

const isSmallPart = (part: Collection): boolean =>
  isEmpty(part) || (isList(part) && part.every((one) => !isCollection(one) && !isBlock(one)))

/** Anything on one line. */
function flow(value: unknown): string {
  if (typeof value === 'string') return scalar(value)
  if (!isCollection(value)) return JSON.stringify(value)
  if (isList(value)) return `[${value.map(flow).join(', ')}]`
  const parts = Object.entries(value).map(([key, part]) => `${scalar(key)}: ${flow(part)}`)
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
}

/** A text of several lines, as PEM is. */
function block(text: string, indent: string): string {
  const keep = text.endsWith('\n\n') ? '+' : text.endsWith('\n') ? '' : '-'
  const lines = text.replace(/\n$/, '').split('\n')
  return `|${keep}\n${lines.map((line) => (line === '' ? '\n' : `${indent}${line}\n`)).join('')}`
}

const isBlock = (value: unknown): value is string =>
  typeof value === 'string' && value.includes('\n') && isBlockText(value)

/** Whether a literal block gives this text back: control characters and blanks at its front would not come through. */
const isBlockText = (text: string): boolean => /^[^\s]/.test(text) && !/[^\n -~\u00a0-\ud7ff\ue000-\ufffd]/.test(text)

function scalar(text: string): string {
  if (PLAIN.test(text) && !NOT_TEXT.test(text)) return text
  if (text.includes('\\') && !/[^ -~]|'/.test(text)) return `'${text}'`
  return JSON.stringify(text)
}

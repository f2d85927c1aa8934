import { type Headers, isFieldValue, isToken } from '@sekisho/wire'
import type { RequestContext } from '../../request-context.ts'
import { type CaptureText, compileCaptureText, isConstant } from './capture-text.ts'
import type { ConfigProblem } from '../definition.ts'
import { fieldValue } from './header-fields.ts'

type Value = string | number
type Fields = Readonly<Record<string, Value | readonly Value[]>>

/** The edits of one head, as they are written: what to add, set and remove. */
export interface WrittenEdits {
  readonly add?: Fields | readonly string[] | undefined
  readonly set?: Fields | undefined
  readonly remove?: readonly string[] | undefined
}

/** Either that, or the older form: fields to set. */
export type WrittenHeaders = WrittenEdits | Fields

interface Edit {
  readonly name: string
  /** One for each field of that name. */
  readonly values: readonly CaptureText[]
}

/**
 * Changes the fields of a head: adds, then sets, then removes, as APISIX does. A field that is set to the empty string
 * is removed.
 */
export class HeaderEdits {
  private readonly added: readonly Edit[]
  private readonly set: readonly Edit[]
  private readonly removed: readonly string[]

  constructor(written: WrittenHeaders) {
    const edits = editsOf(written)
    this.added = pairs(edits.add).map(compileEdit)
    this.set = pairs(edits.set).map(compileEdit)
    this.removed = edits.remove ?? []
  }

  apply(headers: Headers, context: RequestContext, captures: RegExpExecArray | null): void {
    for (const { name, values } of this.added) {
      for (const value of values) append(headers, name, value(context, captures))
    }
    for (const { name, values } of this.set) {
      // Made before the old field goes: a value may be made of it ("$http_x_version-beta").
      const texts = values.map((value) => value(context, captures))
      headers.delete(name)
      for (const text of texts) append(headers, name, text)
    }
    for (const name of this.removed) headers.delete(name)
  }
}

function append(headers: Headers, name: string, value: string): void {
  if (value !== '') headers.append(name, fieldValue(value))
}

const compileEdit = ({ name, values }: { name: string; values: readonly Value[] }): Edit => ({
  name,
  values: values.map((value) => compileCaptureText(String(value))),
})

/** A field called `set` with a text in it is the older form. */
const editsOf = (written: WrittenHeaders): WrittenEdits =>
  [written['add'], written['set'], written['remove']].some((part) => typeof part === 'object')
    ? (written as WrittenEdits)
    : { set: written as Fields }

function pairs(fields: Fields | readonly string[] | undefined): { name: string; values: readonly Value[] }[] {
  if (fields === undefined) return []
  if (isList(fields)) return fields.map(splitLine)
  return Object.entries(fields).map(([name, value]) => ({ name, values: typeof value === 'object' ? value : [value] }))
}

const isList = (fields: Fields | readonly string[]): fields is readonly string[] => Array.isArray(fields)

/** `Name: value`. */
function splitLine(line: string): { name: string; values: readonly Value[] } {
  const colon = line.indexOf(':')
  return { name: line.slice(0, colon).trim(), values: [line.slice(colon + 1).trim()] }
}

/**
 * What is wrong with header edits beyond their schema, with the place as a JSON pointer below `base`.
 *
 * @param reserved lower-case names that may be removed but not written, and why
 */
export function checkHeaderEdits(
  written: WrittenHeaders | undefined,
  base: string,
  reserved: ReadonlySet<string> = NONE,
): ConfigProblem | undefined {
  if (written === undefined) return undefined
  const edits = editsOf(written)
  const isOld = edits !== written
  for (const key of ['add', 'set'] as const) {
    const fields = edits[key]
    const place = isOld ? base : `${base}/${key}`
    for (const [index, { name, values }] of pairs(fields).entries()) {
      const path = `${place}/${fields !== undefined && isList(fields) ? index : pointerPart(name)}`
      const message = nameProblem(name) ?? reservedProblem(name, reserved) ?? valueProblem(values)
      if (message !== undefined) return { path, message }
    }
  }
  for (const [index, name] of (edits.remove ?? []).entries()) {
    const message = nameProblem(name)
    if (message !== undefined) return { path: `${base}/remove/${index}`, message }
  }
  return undefined
}

const NONE: ReadonlySet<string> = new Set()

const pointerPart = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

const nameProblem = (name: string): string | undefined =>
  isToken(name) ? undefined : `${JSON.stringify(name)} is not a header name; write letters, digits and "-"`

const reservedProblem = (name: string, reserved: ReadonlySet<string>): string | undefined =>
  reserved.has(name.toLowerCase()) ? `${name} is settled by the gateway, from the body it sends; remove it` : undefined

const valueProblem = (values: readonly Value[]): string | undefined =>
  values.some((value) => typeof value === 'string' && isConstant(value) && !isFieldValue(value))
    ? 'has a control character, which no header value may hold; remove it'
    : undefined

import type { TSchema } from 'typebox'
import { Settings } from 'typebox/system'
import { compiled } from '../../resources/compiled.ts'
import { type Finding, MAX_PROBLEMS, pointerParts, shortText } from '../problem.ts'
import { chooseAlternatives } from './alternatives.ts'
import { hasLongList, repeatedItems, withoutUniqueItems } from './repeated-items.ts'
import { isWithin, type SchemaError, type SchemaNode } from './schema-node.ts'
import { findingsOf } from './words.ts'

/**
 * What is wrong with a value by a JSON Schema, in words; nothing when it is right, which costs one compiled check.
 * `base` is the JSON Pointer of the value in its document.
 */
export function explainSchema(schema: TSchema, value: unknown, base: string): Finding[] {
  if (compiled(schema).Check(value)) return []
  const node = schema as SchemaNode
  const all = errorsOf(schema, value)
  const errors = ofRightType(chooseAlternatives(node, all))
  const found = withoutRepetition(errors.flatMap((error) => findingsOf(node, value, base, error)))
  return found.length > 0 ? found : inShort(all, base)
}

/** When there are so many errors that those with words of their own are not among the first. What is wrong never has no findings. */
function inShort(errors: readonly SchemaError[], base: string): Finding[] {
  const unknown = errors.filter(({ keyword, schemaPath }) => keyword === 'boolean' && schemaPath.endsWith(UNKNOWN_KEY))
  if (unknown.length > 0) {
    return unknown.map(({ instancePath }) => {
      const name = pointerParts(instancePath).at(-1) ?? ''
      return { path: base + instancePath, atKey: true, message: `unknown key "${shortText(name)}"` }
    })
  }
  const [first] = errors
  return [{ path: base + (first?.instancePath ?? ''), message: first?.message ?? 'is not valid' }]
}

const UNKNOWN_KEY = '/additionalProperties'

/** What is of the wrong type breaks other rules too, which nobody wants to hear. */
function ofRightType(errors: readonly SchemaError[]): readonly SchemaError[] {
  const wrong = errors.filter(({ keyword }) => keyword === 'type')
  const repeats = (error: SchemaError): boolean =>
    wrong.some(
      (one) => one !== error && one.instancePath === error.instancePath && isWithin(error.schemaPath, one.schemaPath),
    )
  return wrong.length === 0 ? errors : errors.filter((error) => !repeats(error))
}

function errorsOf(schema: TSchema, value: unknown): SchemaError[] {
  // A setting of the whole library, so it is put back: plugins may use typebox for themselves.
  const { maxErrors } = Settings.Get()
  Settings.Set({ maxErrors: MAX_PROBLEMS })
  try {
    if (!hasLongList(value)) return compiled(schema).Errors(value)[1] as unknown as SchemaError[]
    const errors = compiled(withoutUniqueItems(schema)).Errors(value)[1] as unknown as SchemaError[]
    return [...errors, ...repeatedItems(schema as SchemaNode, value)]
  } finally {
    Settings.Set({ maxErrors })
  }
}

const MEANT = /^did you mean "(.*)"\?$/
const MISSING = / is missing$| needs (one of )?"/

/** A key that was misspelt is not missing as well, and an object needs to be told of something once. */
function withoutRepetition(findings: readonly Finding[]): Finding[] {
  const meant: { readonly parent: string; readonly name: string }[] = []
  for (const { path, atKey, remedy } of findings) {
    const name = atKey ? MEANT.exec(remedy ?? '')?.[1] : undefined
    if (name !== undefined) meant.push({ parent: path.slice(0, path.lastIndexOf('/')), name: `"${name}"` })
  }
  const seen = new Set<string>()
  return findings.filter(({ path, message }) => {
    const text = `${path} ${message}`
    const misspelt = meant.some(
      ({ parent, name }) => parent === path && MISSING.test(message) && message.includes(name),
    )
    if (misspelt || seen.has(text)) return false
    seen.add(text)
    return true
  })
}

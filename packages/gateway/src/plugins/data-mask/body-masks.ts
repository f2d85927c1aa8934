import { MAX_FORM_FIELDS } from '../form-fields.ts'
import { maskedPairs } from './head-masks.ts'
import { changeAt, jsonPath } from './json-path.ts'
import { type CompiledRule, HIDDEN } from './mask-change.ts'

/**
 * Masks bodies, as text; undefined without rules.
 * @throws JsonPathError
 */
export function maskedBodies(
  rules: readonly CompiledRule[],
  maxBytes: number,
  maxFields: number,
): ((text: string, contentType: string | undefined) => string) | undefined {
  if (rules.length === 0) return undefined
  const forms = rules.filter(({ body_format: format }) => format === 'urlencoded')
  const json = rules
    .filter(({ body_format: format }) => format === 'json')
    .map(({ name, pointer, change }) => ({ steps: jsonPath(name, `${pointer}/name`), change }))
  const most = maxFields === 0 ? MAX_FORM_FIELDS : Math.min(maxFields, MAX_FORM_FIELDS)

  function maskedForm(text: string): string {
    let fields = 1
    for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', at + 1)) if (++fields > most) return HIDDEN
    return maskedPairs(text, forms)
  }

  return (text, contentType) => {
    if (text === '') return text
    if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) return HIDDEN
    const parsed = parsedJson(text)
    if (parsed !== undefined) {
      if (json.length === 0) return text
      try {
        for (const { steps, change } of json) changeAt(parsed, steps, (value) => change(asText(value)))
        return JSON.stringify(parsed)
      } catch {
        // Lists within lists without end: too deep to be looked through.
        return HIDDEN
      }
    }
    const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType ?? '')
    return forms.length > 0 && (isForm || json.length === 0) ? maskedForm(text) : HIDDEN
  }
}

/** An object or list; undefined for everything else, of which no path leads anywhere. */
function parsedJson(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text) as object
  } catch {
    return undefined
  }
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

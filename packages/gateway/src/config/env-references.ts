import type { Environment } from './environment.ts'
import { pointerPart, type Findings } from './problem.ts'

export const ENV_PREFIX = '$env://'

/** What a reference stands for, or why it stands for nothing. */
export type Resolved = { readonly text: string } | { readonly message: string; readonly remedy?: string | undefined }

/**
 * A copy of a setting in which each text of the form `$env://NAME` is the value of that environment variable, and
 * `$env://NAME/key` the field of the JSON object it holds, as in APISIX. Always text: numbers take `${{NAME}}`.
 */
export function resolveReferences(value: unknown, environment: Environment, path: string, findings: Findings): unknown {
  if (typeof value === 'string') {
    if (!value.startsWith(ENV_PREFIX)) return value
    const resolved = readVariable(value, environment)
    if ('text' in resolved) return resolved.text
    findings.add({ path, value: JSON.stringify(value), ...resolved })
    // Some text, so that the missing value is not reported a second time by the schema.
    return value
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => resolveReferences(item, environment, `${path}/${index}`, findings))
  }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      resolveReferences(item, environment, `${path}/${pointerPart(key)}`, findings),
    ]),
  )
}

/** @param reference begins with ENV_PREFIX */
export function readVariable(reference: string, environment: Environment): Resolved {
  const [name = '', ...keys] = reference.slice(ENV_PREFIX.length).split('/')
  const content = environment[name]
  if (content === undefined)
    return { message: `environment variable "${name}" is not set`, remedy: 'set it before the start' }
  if (keys.length === 0) return { text: content }
  try {
    let part: unknown = JSON.parse(content)
    for (const key of keys) part = (part as Record<string, unknown>)[key]
    if (typeof part === 'string' || typeof part === 'number') return { text: String(part) }
  } catch {
    // Not JSON, or a path through something that is no object: the same message says it.
  }
  return { message: `environment variable "${name}" is not JSON with text at "${keys.join('/')}"` }
}

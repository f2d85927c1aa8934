import type { Environment } from './environment.ts'
import { pointerPart, type Findings } from './problem.ts'

const PREFIX = '$env://'

/**
 * A copy of a setting in which each text of the form `$env://NAME` is the value of that environment variable, and
 * `$env://NAME/key` the field of the JSON object it holds, as in APISIX. Always text: numbers take `${{NAME}}`.
 */
export function resolveReferences(value: unknown, environment: Environment, path: string, findings: Findings): unknown {
  if (typeof value === 'string') {
    return value.startsWith(PREFIX) ? resolveOne(value, environment, path, findings) : value
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

function resolveOne(reference: string, environment: Environment, path: string, findings: Findings): unknown {
  const [name = '', ...keys] = reference.slice(PREFIX.length).split('/')
  const content = environment[name]
  const report = (message: string, remedy?: string): string => {
    findings.add({ path, value: JSON.stringify(reference), message, remedy })
    // Some text, so that the missing value is not reported a second time by the schema.
    return reference
  }
  if (content === undefined) return report(`environment variable "${name}" is not set`, 'set it before the start')
  if (keys.length === 0) return content
  try {
    let part: unknown = JSON.parse(content)
    for (const key of keys) part = (part as Record<string, unknown>)[key]
    if (typeof part === 'string' || typeof part === 'number') return String(part)
  } catch {
    // Not JSON, or a path through something that is no object: the same message says it.
  }
  return report(`environment variable "${name}" is not JSON with text at "${keys.join('/')}"`)
}

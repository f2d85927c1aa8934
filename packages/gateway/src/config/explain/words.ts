import { type Finding, MAX_PROBLEMS, pointerPart, shortText, shortValue } from '../problem.ts'
import { alternatives, schemaAt, type SchemaError, type SchemaNode, typeWords, valueAt } from './schema-node.ts'
import { suggest } from './suggest.ts'

type Words = Pick<Finding, 'message' | 'remedy'>

const plural = (count: unknown, one: string): string => `${String(count)} ${one}${count === 1 ? '' : 's'}`

/** The words for one error; undefined for those that only repeat another one. */
export function findingsOf(schema: SchemaNode, root: unknown, base: string, error: SchemaError): Finding[] {
  const node = schemaAt(schema, error.schemaPath)
  const value = valueAt(root, error.instancePath)
  const path = base + error.instancePath
  switch (error.keyword) {
    case 'additionalProperties':
      return node.additionalProperties === false ? unknownKeys(node, path, error) : []
    case 'boolean':
      // Beside each unknown key: "schema is false".
      return error.schemaPath.endsWith('/additionalProperties') ? [] : [{ path, message: error.message }]
    case 'required':
      return (error.params['requiredProperties'] as string[]).map((name) => ({ path, message: `"${name}" is missing` }))
    case 'dependentRequired':
      return dependents(error).map((name) => ({
        path,
        message: `"${String(error.params['property'])}" needs "${name}" too`,
      }))
    case 'anyOf':
    case 'oneOf':
    case 'not':
      // A rule between fields is about the object, which is no value to show.
      if (node.errorMessage !== undefined) return [{ path, message: node.errorMessage, remedy: node.remedy }]
      break
  }
  return [{ path, value: shortValue(value), ...wordsFor(node, value, error) }]
}

function dependents({ params }: SchemaError): string[] {
  return Array.isArray(params['dependencies']) ? (params['dependencies'] as string[]) : []
}

/** Fields of APISIX that hold Lua. */
const LUA_FIELDS = new Set(['script', 'script_id', 'pre_function'])

function unknownKeys(node: SchemaNode, path: string, { params }: SchemaError): Finding[] {
  const known = Object.keys(node.properties ?? {})
  return (params['additionalProperties'] as string[]).slice(0, MAX_PROBLEMS).map((name) => {
    const place = { path: `${path}/${pointerPart(name)}`, atKey: true }
    if (LUA_FIELDS.has(name)) {
      return { ...place, message: `"${name}" holds Lua in APISIX, which does not run here`, remedy: 'write a plugin' }
    }
    const meant = suggest(name, known)
    return { ...place, message: `unknown key "${shortText(name)}"`, remedy: meant && `did you mean "${meant}"?` }
  })
}

function wordsFor(node: SchemaNode, value: unknown, { keyword, params, message }: SchemaError): Words {
  const limit = params['limit']
  switch (keyword) {
    case 'type':
      return { message: `must be ${typeWords(params['type'])}`, remedy: typeRemedy(String(params['type']), value) }
    case 'enum':
      return enumWords(params['allowedValues'] as unknown[], value)
    case 'const':
      return { message: `must be ${JSON.stringify(params['allowedValue'])}` }
    case 'pattern':
      return {
        message: node.patternErrorMessage ?? `must match the regular expression ${String(params['pattern'])}`,
        remedy: node.remedy?.replace('{value}', () => shortText(String(value))),
      }
    case 'format':
      return { message: `must be of the format ${String(params['format'])}` }
    case 'minLength':
      return { message: limit === 1 ? 'must not be empty' : `must have at least ${plural(limit, 'character')}` }
    case 'maxLength':
      return { message: `must have at most ${plural(limit, 'character')}` }
    case 'minItems':
      return { message: limit === 1 ? 'must not be empty' : `must have at least ${plural(limit, 'item')}` }
    case 'maxItems':
      return { message: `must have at most ${plural(limit, 'item')}` }
    case 'minProperties':
      return { message: limit === 1 ? 'must not be empty' : `must have at least ${plural(limit, 'key')}` }
    case 'maxProperties':
      return { message: `must have at most ${plural(limit, 'key')}` }
    case 'uniqueItems':
      return { message: 'has the same item twice', remedy: 'keep one of them' }
    case 'minimum':
      return { message: `must be at least ${String(limit)}` }
    case 'maximum':
      return { message: `must be at most ${String(limit)}` }
    case 'exclusiveMinimum':
      return { message: `must be more than ${String(limit)}` }
    case 'exclusiveMaximum':
      return { message: `must be less than ${String(limit)}` }
    case 'multipleOf':
      return { message: `must be a multiple of ${String(params['multipleOf'])}` }
    default:
      return { message }
  }
}

function enumWords(allowed: readonly unknown[], value: unknown): Words {
  const meant = typeof value === 'string' ? suggest(value, allowed.map(String)) : undefined
  return {
    message: `must be ${alternatives(allowed.map((one) => JSON.stringify(one)))}`,
    remedy: meant && `did you mean "${meant}"?`,
  }
}

/** The slips that YAML invites: quotes too many or too few, `yes`, a list of one without its brackets, nothing at all. */
function typeRemedy(type: string, value: unknown): string | undefined {
  if (value === null) return type === 'object' ? 'write {} for one without fields' : 'write a value, or remove the key'
  if ((type === 'integer' || type === 'number') && typeof value === 'string' && /^-?[0-9]+(\.[0-9]+)?$/.test(value)) {
    return `write ${value} without quotes`
  }
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return `write "${String(value)}"`
  if (type === 'boolean' && typeof value === 'string') {
    if (/^(yes|on|y|true)$/i.test(value)) return 'write true'
    if (/^(no|off|n|false)$/i.test(value)) return 'write false'
  }
  if (type === 'array' && (typeof value === 'string' || typeof value === 'number'))
    return `write [${shortText(JSON.stringify(value))}]`
  return undefined
}

import { alternatives, isWithin, schemaAt, type SchemaError, type SchemaNode, schemaWords } from './schema-node.ts'

/**
 * Reduces the errors of alternatives (`anyOf`, `oneOf`) to those that a person can use: the errors of the one
 * alternative that was obviously meant, or one error that names what is allowed.
 */
export function chooseAlternatives(schema: SchemaNode, errors: readonly SchemaError[]): SchemaError[] {
  const unions = errors.filter(isUnion).sort((a, b) => a.schemaPath.length - b.schemaPath.length)
  const outer = unions[0]
  if (outer === undefined) return [...errors]
  const inside = errors.filter((error) => error !== outer && belongsTo(error, outer))
  const rest = errors.filter((error) => error !== outer && !inside.includes(error))
  return [...chooseAlternatives(schema, rest), ...chosen(schema, outer, inside)]
}

const isUnion = ({ keyword }: SchemaError): boolean => keyword === 'anyOf' || keyword === 'oneOf'

/** The path of a schema has no index for items of a list, so the place in the value counts too. */
const belongsTo = (error: SchemaError, union: SchemaError): boolean =>
  isWithin(error.schemaPath, `${union.schemaPath}/${union.keyword}`) && isWithin(error.instancePath, union.instancePath)

function chosen(schema: SchemaNode, union: SchemaError, inside: readonly SchemaError[]): SchemaError[] {
  const node = schemaAt(schema, union.schemaPath)
  if (node.errorMessage !== undefined) return [union]
  const branches = (union.keyword === 'anyOf' ? node.anyOf : node.oneOf) ?? []
  const candidates = branches
    .map((branch, index) => {
      const prefix = `${union.schemaPath}/${union.keyword}/${index}`
      return { branch, errors: inside.filter((error) => isWithin(error.schemaPath, prefix)) }
    })
    .filter(({ errors }) => errors.length > 0 && !errors.some((error) => isOfOtherKind(error, union.instancePath)))
  if (candidates.length === 0) return [{ ...union, message: `must be ${schemaWords({ anyOf: branches })}` }]
  const fitting = candidates.filter(({ errors }) => labelErrors(errors, union.instancePath).length === 0)
  const label = fitting.length === 0 ? commonLabel(candidates, union.instancePath) : undefined
  if (label !== undefined) return [label]
  return (fitting.length > 0 ? fitting : candidates)
    .map(({ errors }) => chooseAlternatives(schema, errors))
    .reduce((best, errors) => (errors.length < best.length ? errors : best))
}

/** The value is not of the type that the alternative wants, or not its only value. */
const isOfOtherKind = ({ keyword, instancePath }: SchemaError, place: string): boolean =>
  instancePath === place && (keyword === 'type' || keyword === 'const')

/** Errors of fields that tell alternatives apart, as `type: file` does. */
const labelErrors = (errors: readonly SchemaError[], place: string): readonly SchemaError[] =>
  errors.filter(
    ({ keyword, instancePath }) =>
      keyword === 'const' && instancePath.lastIndexOf('/') === place.length && isWithin(instancePath, place),
  )

/** Every alternative wants another label in the same field: one error that names them all. */
function commonLabel(
  candidates: readonly { readonly branch: SchemaNode; readonly errors: readonly SchemaError[] }[],
  place: string,
): SchemaError | undefined {
  const labels = candidates.map(({ errors }) => labelErrors(errors, place)[0])
  const first = labels[0]
  if (first === undefined || labels.some((label) => label?.instancePath !== first.instancePath)) return undefined
  const allowed = labels.map((label) => JSON.stringify(label?.params['allowedValue']))
  return { ...first, keyword: 'anyOf', message: `must be ${alternatives(allowed)}` }
}

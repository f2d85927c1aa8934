/**
 * Rules between the fields of a resource, as JSON Schema. `errorMessage` says them in words: our own messages use it,
 * and so do editors that know the JSON Schema of `sekisho.yaml` (VS Code reads the same keyword). `remedy` is ours.
 */
export interface Constraint {
  readonly anyOf?: readonly { readonly required: readonly string[] }[]
  readonly not?: { readonly required: readonly string[] }
  readonly errorMessage: string
  readonly remedy?: string
}

const quoted = (names: readonly string[], last: string): string =>
  names.length < 2
    ? names.map((name) => `"${name}"`).join('')
    : `${names
        .slice(0, -1)
        .map((name) => `"${name}"`)
        .join(', ')} ${last} "${names[names.length - 1]}"`

/** At least one of the fields must be there. */
export function needsOneOf(what: string, fields: readonly string[]): Constraint {
  return {
    anyOf: fields.map((field) => ({ required: [field] })),
    errorMessage: `${what} needs ${fields.length > 2 ? 'one of ' : ''}${quoted(fields, 'or')}`,
  }
}

/** Two spellings of the same thing exclude each other. */
export function notBoth(what: string, one: string, other: string): Constraint {
  return {
    not: { required: [one, other] },
    errorMessage: `${what} has both "${one}" and "${other}"`,
    remedy: `keep one of the two`,
  }
}

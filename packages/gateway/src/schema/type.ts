import type TypeBox from 'typebox'

/** Marks a property that may be left out. A symbol: it is no part of the JSON Schema. */
const OPTIONAL = Symbol('optional')

type Schema = Record<string | symbol, unknown>
type Options = Record<string, unknown>

const of =
  (type: string) =>
  (options: Options = {}): Schema => ({ type, ...options })

/**
 * typebox's builders, with typebox's static types, as the plain JSON Schema that they stand for. Only the types come from typebox: loading
 * it to build some schemas costs 20 MB of memory in every worker thread (measured, Node 20), and these are fifty lines. What
 * checks values is typebox's compiler, on the control thread (see `resources/compiled.ts`); a test compares both builders' output.
 */
const builders = {
  Any: (options: Options = {}): Schema => ({ ...options }),
  Array: (items: Schema, options: Options = {}): Schema => ({ type: 'array', items, ...options }),
  Boolean: of('boolean'),
  Enum: (values: readonly unknown[], options: Options = {}): Schema => ({ enum: [...values], ...options }),
  Integer: of('integer'),
  Intersect: (types: readonly Schema[], options: Options = {}): Schema => ({ allOf: [...types], ...options }),
  Literal: (value: unknown, options: Options = {}): Schema => ({ type: typeof value, const: value, ...options }),
  Null: of('null'),
  Number: of('number'),
  /** A property with a default may be left out of what is written, and is there in what the code gets: it is not `required`. */
  Object: (properties: Record<string, Schema>, options: Options = {}): Schema => {
    const required = Object.keys(properties).filter(
      (name) => properties[name][OPTIONAL] !== true && properties[name]['default'] === undefined,
    )
    return { type: 'object', ...(required.length === 0 ? {} : { required }), properties, ...options }
  },
  Optional: (schema: Schema): Schema => ({ ...schema, [OPTIONAL]: true }),
  /** Keys of any text. */
  Record: (_key: Schema, value: Schema, options: Options = {}): Schema => ({
    type: 'object',
    patternProperties: { '^.*$': value },
    ...options,
  }),
  String: of('string'),
  Tuple: (items: readonly Schema[], options: Options = {}): Schema => ({
    type: 'array',
    additionalItems: false,
    items: [...items],
    minItems: items.length,
    ...options,
  }),
  Union: (types: readonly Schema[], options: Options = {}): Schema => ({ anyOf: [...types], ...options }),
  Unknown: (options: Options = {}): Schema => ({ ...options }),
  Unsafe: (schema: Schema): Schema => ({ ...schema }),
}

export const Type = builders as unknown as Pick<typeof TypeBox, keyof typeof builders>
export type { Static, TSchema } from 'typebox'

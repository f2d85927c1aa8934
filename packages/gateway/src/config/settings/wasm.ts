import { type Static, Type } from '../../schema/type.ts'
import { runFields } from '../../wasm/filter-config.ts'

const NamedFilter = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]*$',
      patternErrorMessage: 'must be lower-case letters, digits, "-" and "_"',
      description: 'what routes call it under `plugins`',
    }),
    priority: Type.Integer({ description: 'filters and plugins with a higher one run first' }),
    file: Type.String({ minLength: 1, description: 'the module' }),
    ...runFields,
  },
  { additionalProperties: false },
)

/** Filters that are plugins with a name of their own, as in APISIX. */
export const WasmSetting = Type.Object(
  {
    plugins: Type.Optional(
      Type.Array(NamedFilter, { default: [], description: 'each one is a plugin whose option is `conf`' }),
    ),
  },
  { additionalProperties: false, description: 'WebAssembly filters with names of their own' },
)

type Written = Static<typeof NamedFilter>
/** One of them; `file` is absolute. */
export type NamedFilterSettings = Partial<Written> & Pick<Written, 'name' | 'priority' | 'file'>

export function wasmSettings(
  { plugins = [] }: Static<typeof WasmSetting>,
  at: (path: string) => string,
): { readonly plugins: readonly NamedFilterSettings[] } {
  return { plugins: plugins.map((filter) => ({ ...filter, file: at(filter.file) })) }
}

import type { FileRegistry } from '@bufbuild/protobuf'
import { canonicalStyle, type JsonStyle } from './response/json-style.ts'

/** The options of APISIX's `pb_option` (lua-protobuf's `pb.option`), in groups of which one counts. */
const GROUPS = [
  ['enum_as_name', 'enum_as_value'],
  ['int64_as_number', 'int64_as_string', 'int64_as_hexstring'],
  ['auto_default_values', 'no_default_values', 'use_default_values', 'use_default_metatable'],
  ['enable_hooks', 'disable_hooks'],
] as const

export type PbOption = (typeof GROUPS)[number][number]

export const PB_OPTIONS: readonly PbOption[] = GROUPS.flat()

/** What contradicts itself; undefined when nothing does. */
export function checkPbOptions(options: readonly PbOption[]): string | undefined {
  for (const group of GROUPS) {
    const chosen = options.filter((option) => (group as readonly string[]).includes(option))
    if (new Set(chosen).size > 1) return `has both "${chosen[0]}" and "${chosen[1]}"; keep one of the two`
  }
  return undefined
}

/**
 * The style that options ask for. None at all is canonical JSON. Where there are some, what they leave open is as APISIX has it: numbers
 * for 64-bit integers, and default values.
 */
export function styleOf(registry: FileRegistry, options: readonly PbOption[] | undefined): JsonStyle {
  const canonical = canonicalStyle(registry)
  if (options === undefined) return canonical
  const has = (option: PbOption): boolean => options.includes(option)
  return {
    ...canonical,
    enumAsNumber: has('enum_as_value'),
    int64: has('int64_as_string') ? 'string' : has('int64_as_hexstring') ? 'hexstring' : 'number',
    // A metatable's values are there for Lua, and are not written as JSON.
    withDefaults: !has('no_default_values') && !has('use_default_metatable'),
  }
}

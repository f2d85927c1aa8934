/** `filter_chains` as protojson's other spelling: `filterChains`. */
export const camelCase = (name: string): string =>
  name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** The key under which a field is written: its name, or the same in camel case. */
export function writtenKey(value: Readonly<Record<string, unknown>>, name: string): string | undefined {
  if (Object.hasOwn(value, name)) return name
  const other = camelCase(name)
  return Object.hasOwn(value, other) ? other : undefined
}

export type Fields = Readonly<Record<string, unknown>>

/** Fields of a registry's answer, or none: what is missing in one is missing in a node, and that is said of the node. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

/** @throws Error when it is no list: the answer is of something else */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[]
  throw new Error(`${what} has another form than the registry's`)
}

/** A host; '' is none, and is refused with the node. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A port; 0 is none. */
export const portOf = (value: unknown): number | undefined =>
  value === 0 || value === undefined ? undefined : Number(value)

/** The attributes of a node that are texts; undefined when there are none. */
export function metadataOf(value: unknown): Record<string, string> | undefined {
  const texts = Object.entries(fieldsOf(value)).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  return texts.length === 0 ? undefined : Object.fromEntries(texts)
}

/** A resource of ours in the making, in the order in which its fields are to be written. */
export type Fields = Record<string, unknown>

/** A resource with what its reader should know. */
export interface Noted {
  readonly fields: Fields
  /** Lines of the comment above it. */
  readonly notes: readonly string[]
}

/** Without the fields that are undefined. */
export const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/** A place in the text, moved forward by the plain reader. */
export interface Cursor {
  readonly text: string
  pos: number
}

/**
 * Thrown by the plain reader where the text is not surely in its part of YAML; caught in `plain.ts`. One object without a
 * stack: it says nothing to a user, it only leaves the recursion.
 */
export const UNFAMILIAR: unique symbol = Symbol('outside the plain part of YAML')

export function unfamiliar(): never {
  // oxlint-disable-next-line no-throw-literal -- a sentinel that never leaves this folder
  throw UNFAMILIAR
}

/** Nesting that the plain reader follows; the `yaml` library takes over beyond (and reports what is absurd). */
export const MAX_PLAIN_DEPTH = 64

/** Keys on one line may have 1024 characters in YAML; the rest is margin for quotes. */
export const MAX_KEY_LENGTH = 1000

/** Sets a member as YAML and JSON do; keys that need care go to the library. */
export function addMember(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__' || key === '<<' || Object.hasOwn(map, key)) unfamiliar()
  map[key] = value
}

/** A runtime by its identifier. */
export interface RuntimeName {
  readonly family: 'provided' | 'nodejs' | 'python'
  /** `24` of `nodejs24.x`, `3.12` of `python3.12`; empty for `provided`. */
  readonly version: string
}

/** The identifiers that CreateFunction takes. */
export const RUNTIMES = [
  'provided.al2023',
  'provided.al2',
  'nodejs20.x',
  'nodejs22.x',
  'nodejs24.x',
  'python3.9',
  'python3.10',
  'python3.11',
  'python3.12',
  'python3.13',
  'python3.14',
] as const

/** @returns undefined for a runtime that there is not */
export function parseRuntime(identifier: string): RuntimeName | undefined {
  if (!(RUNTIMES as readonly string[]).includes(identifier)) return undefined
  if (identifier.startsWith('provided')) return { family: 'provided', version: '' }
  if (identifier.startsWith('nodejs')) return { family: 'nodejs', version: identifier.slice(6, -2) }
  return { family: 'python', version: identifier.slice(6) }
}

import type { Secret } from '../../resources/secret.ts'
import type { Resolved } from '../env-references.ts'

export const SECRET_PREFIX = '$secret://'

/** Longer ones are refused: they are names, not texts. */
const MAX_REFERENCE_LENGTH = 1_024

/** `$secret://vault/1/apps/jack/key`: of the manager `vault/1`, at the path `apps/jack`, the field `key`. */
export interface SecretReference {
  /** `vault/1` */
  readonly manager: string
  readonly path: string
  /** Undefined: all of it, where it is one text (`$secret://aws/1/name`). */
  readonly field: string | undefined
}

/** A reference and the manager that it is read from, with references of its own resolved. */
export interface WantedSecret {
  readonly reference: string
  readonly manager: Secret
}

/** What is known of secrets. */
export interface SecretValues {
  /** Undefined: it was not read yet, or not again after it could not be read. */
  get(wanted: WantedSecret): Resolved | undefined
}

/** What is said of a reference that nobody has looked up. */
export const NOT_READ = { message: 'has not been read from its manager yet' } as const

/** Reads a reference; returns what is wrong with it as text. */
export function parseSecretReference(reference: string): SecretReference | string {
  const parts = reference.slice(SECRET_PREFIX.length).split('/')
  const least = parts[0] === 'vault' ? 4 : 3
  if (
    reference.length > MAX_REFERENCE_LENGTH ||
    parts.length < least ||
    parts.some((part) => part === '' || part === '..' || part === '.')
  )
    return 'is no reference to a secret'
  const manager = `${parts[0]}/${parts[1]}`
  if (parts.length === 3) return { manager, path: parts[2]!, field: undefined }
  return { manager, path: parts.slice(2, -1).join('/'), field: parts.at(-1)! }
}

/** The managers that references among these sources, or anywhere in a value, lead to: `vault/1`. */
export function managersIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value === 'string') {
    const reference = value.startsWith(SECRET_PREFIX) ? parseSecretReference(value) : ''
    if (typeof reference === 'object') found.add(reference.manager)
  } else if (value !== null && typeof value === 'object')
    for (const part of Object.values(value)) managersIn(part, found)
  return found
}

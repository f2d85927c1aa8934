export const SECRET_PREFIX = '$secret://'

/** `$secret://vault/1/apps/jack/key`: of the manager `vault/1`, at the path `apps/jack`, the field `key`. */
export interface SecretReference {
  /** `vault/1` */
  readonly manager: string
  readonly path: string
  readonly field: string
}

/** Reads a reference; returns what is wrong with it as text. */
export function parseSecretReference(reference: string): SecretReference | string {
  const parts = reference.slice(SECRET_PREFIX.length).split('/')
  if (parts.length < 4 || parts.some((part) => part === '' || part === '..' || part === '.'))
    return 'is no reference to a secret'
  return { manager: `${parts[0]}/${parts[1]}`, path: parts.slice(2, -1).join('/'), field: parts[parts.length - 1]! }
}

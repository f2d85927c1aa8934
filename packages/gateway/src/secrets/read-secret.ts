import { managerOf, type Secret } from '../resources/secret.ts'

/** What a manager has at one path. */
export type SecretRead =
  | {
      /** By name, those that are text, numbers or booleans. */
      readonly fields: ReadonlyMap<string, string>
      /** All of it, where it is one text. */
      readonly text?: string
    }
  | SecretFailure

/** Why there is nothing. Reads on after the reference. */
export interface SecretFailure {
  readonly message: string
  readonly remedy?: string | undefined
  /** The manager cannot be asked at all: there is no use in asking it for something else at once. */
  readonly unreachable: boolean
}

/** Reads one path of a manager. Never rejects. Each manager's code is loaded when it is first asked. */
export async function readSecret(manager: Secret, path: string): Promise<SecretRead> {
  try {
    switch (managerOf(manager.id)) {
      case 'vault':
        return await (await import('./managers/vault.ts')).readVault(manager as never, path)
      case 'aws':
        return await (await import('./managers/aws.ts')).readAws(manager as never, path)
      case 'gcp':
        return await (await import('./managers/gcp.ts')).readGcp(manager as never, path)
      default:
        return { message: `there is no manager of the kind of "${manager.id}"`, unreachable: false }
    }
  } catch (error) {
    // Whatever a stranger's answer led to: it must not end the control thread.
    return {
      message: `could not be read: ${error instanceof Error ? error.message : String(error)}`,
      unreachable: false,
    }
  }
}

/** The object in a text; undefined when it holds none. */
export function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

export function textFields(object: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of Object.entries(object)) {
    if (typeof value === 'string') fields.set(name, value)
    else if (typeof value === 'number' || typeof value === 'boolean') fields.set(name, String(value))
  }
  return fields
}

/** What an answer with a status of 5xx or 429 says of the manager. */
export const isOutage = (status: number): boolean => status >= 500 || status === 429

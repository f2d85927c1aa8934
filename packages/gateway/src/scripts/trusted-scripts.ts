/** Whether functions may run outside of the sandbox on this node: `scripts.trusted` of its settings file. One answer for each thread. */
let trusted = false
/** Whether others than those of the settings file write the configuration: by the Admin API, or to etcd. */
let fromOthers = false

export interface ScriptTrust {
  /** `scripts.trusted` */
  readonly trusted: boolean
  /** The configuration comes from a store, and not from the file that holds the settings. */
  readonly isStored: boolean
}

export function trustScripts({ trusted: isTrusted, isStored }: ScriptTrust): void {
  trusted = isTrusted
  fromOthers = isStored
}

/** Who may write to the Admin API must not thereby run code on the node: only its settings file says so. */
export const trustProblem = (): string | undefined =>
  trusted
    ? undefined
    : '"none" runs functions with all rights of the gateway, which the settings file of this node does not allow; add "scripts: { trusted: true }" there, or leave "sandbox" out'

/**
 * Why a store may not hold what runs with the rights of the gateway, or without bounds. Whoever writes the settings file may: it could
 * say that it is trusted.
 * @param what as in "runs with all rights of the gateway"
 */
export const storedProblem = (what: string, remedy: string): string | undefined =>
  trusted || !fromOthers
    ? undefined
    : `${what}, which the settings file of this node does not allow to documents of its store; add "scripts: { trusted: true }" there, or ${remedy}`

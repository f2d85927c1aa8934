/** Whether functions may run outside of the sandbox on this node: `scripts.trusted` of its settings file. One answer for each thread. */
let trusted = false

export function trustScripts(value: boolean): void {
  trusted = value
}

/** Who may write to the Admin API must not thereby run code on the node: only its settings file says so. */
export const trustProblem = (): string | undefined =>
  trusted
    ? undefined
    : '"none" runs functions with all rights of the gateway, which the settings file of this node does not allow; add "scripts: { trusted: true }" there, or leave "sandbox" out'

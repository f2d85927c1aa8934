/**
 * What became of a part of the file that is not in the result as it was.
 *
 * - `not carried over`: the other gateway did something that the result does not do.
 * - `unknown field`: the other gateway itself would refuse it.
 * - `invalid`: it is not what the other gateway takes in this place.
 * - `warning`: it is carried over, and somebody should look at it.
 */
export type FindingKind = 'not carried over' | 'unknown field' | 'invalid' | 'warning'

export interface ImportFinding {
  readonly kind: FindingKind
  /** JSON Pointer into the file that was read, with the names that are written there. */
  readonly path: string
  /** Empty where the kind says it all. */
  readonly message: string
}

/** Collects what is to be told. */
export class Report {
  readonly #findings: ImportFinding[] = []
  /** Warnings that hold for many places are given once, at the first. */
  readonly #topics = new Map<string, { at: number; more: number }>()

  add(kind: FindingKind, path: string, message = ''): void {
    this.#findings.push({ kind, path, message })
  }

  /** A warning about one thing that may be so in many places. */
  warnOnce(topic: string, path: string, message: string): void {
    const known = this.#topics.get(topic)
    if (known !== undefined) known.more++
    else {
      this.#topics.set(topic, { at: this.#findings.length, more: 0 })
      this.add('warning', path, message)
    }
  }

  findings(): ImportFinding[] {
    const list = [...this.#findings]
    for (const { at, more } of this.#topics.values()) {
      if (more === 0) continue
      const finding = list[at]
      list[at] = { ...finding, message: `${finding.message} (and in ${more} more place${more === 1 ? '' : 's'})` }
    }
    return list
  }
}

/** Sandboxes of a worker: each takes up to 2 MB besides what its functions keep. */
const MAX_SANDBOXES = 1_000

/** How many sandboxes there may be. */
export class SandboxPlaces {
  readonly most: number
  private taken = 0

  constructor(most: number) {
    this.most = most
  }

  /** @returns false when there is none left; true: `release` follows */
  take(): boolean {
    if (this.taken >= this.most) return false
    this.taken++
    return true
  }

  release(): void {
    this.taken--
  }
}

/** Those of this thread. */
export const sandboxPlaces = new SandboxPlaces(MAX_SANDBOXES)

/** How long a part is left alone after it failed: then one call tries it again. */
const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 2_000

interface Circuit {
  tryAtMs: number
  pauseMs: number
}

/** Which parts of a server fail, the nodes of a cluster: they get one call from time to time, and the others all of theirs. */
export class PartCircuits {
  private readonly open = new Map<string, Circuit>()

  get allLet(): boolean {
    return this.open.size === 0
  }

  lets(part: string, nowMs: number): boolean {
    if (this.open.size === 0) return true
    const circuit = this.open.get(part)
    if (circuit === undefined) return true
    if (nowMs < circuit.tryAtMs) return false
    circuit.tryAtMs = nowMs + circuit.pauseMs
    return true
  }

  /** @returns whether the part was in order before */
  failed(part: string, nowMs: number): boolean {
    const circuit = this.open.get(part)
    // A call that was sent before the first one failed says nothing new.
    if (circuit !== undefined && nowMs < circuit.tryAtMs) return false
    const pauseMs = circuit === undefined ? FIRST_PAUSE_MS : Math.min(LAST_PAUSE_MS, circuit.pauseMs * 2)
    this.open.set(part, { tryAtMs: nowMs + pauseMs, pauseMs })
    return circuit === undefined
  }

  /** @returns whether the part was failing before */
  answered(part: string): boolean {
    return this.open.size > 0 && this.open.delete(part)
  }

  clear(): void {
    this.open.clear()
  }
}

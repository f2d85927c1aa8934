import type { BackendChange, BackendListener, BackendSnapshot } from '../backend/backend.ts'

export interface WatcherSource {
  readonly revision: () => number
  /** Undefined when it is no longer in the history. */
  readonly change: (revision: number) => BackendChange | undefined
  readonly snapshot: () => BackendSnapshot
  readonly onProblem: (error: unknown) => void
}

interface Watcher {
  readonly listener: BackendListener
  /** What it was told last. */
  revision: number
  ended: boolean
}

/** Who listens, and how far each is: what one missed comes from the history, or as a snapshot when that is gone. */
export class Watchers {
  readonly #source: WatcherSource
  readonly #watchers = new Set<Watcher>()

  constructor(source: WatcherSource) {
    this.#source = source
  }

  add(afterRevision: number, listener: BackendListener): () => void {
    const watcher: Watcher = { listener, revision: afterRevision, ended: false }
    this.#watchers.add(watcher)
    // Not from within `watch`: the caller has no way yet to end it.
    setImmediate(() => {
      if (watcher.ended) return
      this.#guard(() => listener.onState(true, undefined))
      this.#guard(() => this.#catchUp(watcher))
    })
    return () => {
      watcher.ended = true
      this.#watchers.delete(watcher)
    }
  }

  deliver(change: BackendChange): void {
    for (const watcher of this.#watchers)
      this.#guard(() => {
        if (watcher.revision === change.revision - 1) tell(watcher, change)
        else this.#catchUp(watcher)
      })
  }

  catchUp(): void {
    for (const watcher of this.#watchers) this.#guard(() => this.#catchUp(watcher))
  }

  tellState(connected: boolean, reason: string | undefined): void {
    for (const { listener } of this.#watchers) this.#guard(() => listener.onState(connected, reason))
  }

  clear(): void {
    for (const watcher of this.#watchers) watcher.ended = true
    this.#watchers.clear()
  }

  #catchUp(watcher: Watcher): void {
    while (!watcher.ended && watcher.revision !== this.#source.revision()) {
      // Ahead of us when the store was restored from a backup.
      const change = this.#source.change(watcher.revision + 1)
      if (change !== undefined) tell(watcher, change)
      else {
        const snapshot = this.#source.snapshot()
        watcher.revision = snapshot.revision
        watcher.listener.onResync(snapshot)
      }
    }
  }

  /** What one listener throws is no reason for the others to miss a change, nor for the commit to fail: it is on the disk. */
  #guard(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#source.onProblem(error)
    }
  }
}

function tell(watcher: Watcher, change: BackendChange): void {
  watcher.revision = change.revision
  watcher.listener.onChange(change)
}

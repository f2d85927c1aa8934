/** More than a client may have open at a time by default. */
const MAX_REMEMBERED = 256

/** The streams that were given up last: their peer may not know it yet. */
export class RecentStreams {
  private readonly ids = new Set<number>()

  has(streamId: number): boolean {
    return this.ids.has(streamId)
  }

  note(streamId: number): void {
    this.ids.add(streamId)
    if (this.ids.size > MAX_REMEMBERED) this.ids.delete(this.ids.values().next().value as number)
  }
}

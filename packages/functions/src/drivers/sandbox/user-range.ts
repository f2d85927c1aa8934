/** Users of the host that are lent to sandboxes, each to one at a time. They need no entry in /etc/passwd. */
export class UserRange {
  private readonly first: number
  private readonly count: number
  private readonly free: number[] = []
  private next = 0

  constructor(first: number, count: number) {
    this.first = first
    this.count = count
  }

  /** @throws Error when all are lent */
  take(): number {
    const free = this.free.pop()
    if (free !== undefined) return free
    if (this.next === this.count) {
      throw new Error(`all ${this.count} users from ${this.first} on are in use; set a larger range`)
    }
    return this.first + this.next++
  }

  giveBack(uid: number): void {
    this.free.push(uid)
  }
}

export const MAX_QUEUES = 1_000
/** Messages that wait in one queue. */
export const MAX_QUEUED = 10_000
export const MAX_QUEUED_BYTES = 16_777_216

/** Who is told that a message came. */
export interface QueueOwner {
  onQueueReady(token: number): void
}

interface Queue {
  owner: QueueOwner
  readonly messages: Buffer[]
  bytes: number
}

/** First in, first out, between the filters of one worker thread (`proxy_register_shared_queue`). */
export class SharedQueues {
  private readonly tokens = new Map<string, number>()
  private readonly queues = new Map<number, Queue>()

  /** Who registers a name again becomes its owner, and what waits stays. undefined: there are too many queues. */
  register(name: string, owner: QueueOwner): number | undefined {
    const known = this.tokens.get(name)
    if (known !== undefined) {
      ;(this.queues.get(known) as Queue).owner = owner
      return known
    }
    if (this.queues.size >= MAX_QUEUES) return undefined
    const token = this.queues.size + 1
    this.tokens.set(name, token)
    this.queues.set(token, { owner, messages: [], bytes: 0 })
    return token
  }

  resolve(name: string): number | undefined {
    return this.tokens.get(name)
  }

  enqueue(token: number, message: Buffer): 'ok' | 'unknown' | 'full' {
    const queue = this.queues.get(token)
    if (queue === undefined) return 'unknown'
    if (queue.messages.length >= MAX_QUEUED || queue.bytes + message.length > MAX_QUEUED_BYTES) return 'full'
    queue.messages.push(message)
    queue.bytes += message.length
    // Not within the call of the filter that sends: its owner may be the same machine.
    setImmediate(() => queue.owner.onQueueReady(token))
    return 'ok'
  }

  dequeue(token: number): Buffer | 'unknown' | 'empty' {
    const queue = this.queues.get(token)
    if (queue === undefined) return 'unknown'
    const message = queue.messages.shift()
    if (message === undefined) return 'empty'
    queue.bytes -= message.length
    return message
  }
}

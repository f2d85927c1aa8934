import { fileURLToPath } from 'node:url'
import type { Delivery } from '../delivery.ts'
import { FileTarget } from './file-target.ts'
import { HttpTarget } from './http-target.ts'
import { nameOfArn, queueUrl, targetProblem, type QueueMap } from './queue-map.ts'
import { RedisStreamTarget } from './redis-stream-target.ts'
import type { Target } from './target.ts'

/** Targets that are open at a time: the one that was used longest ago is closed. */
const MAX_OPEN = 100

/** Sends messages to what stands behind their ARNs. */
export class Targets {
  readonly #map: QueueMap
  readonly #open = new Map<string, Promise<Target>>()

  constructor(map: QueueMap) {
    this.#map = map
  }

  /** Rejects with what is wrong, in words for the log. */
  async send(delivery: Delivery): Promise<void> {
    const { arn } = delivery
    const target = this.#open.get(arn) ?? this.#create(arn)
    this.#open.delete(arn)
    this.#open.set(arn, target)
    this.#closeOldest()
    try {
      await (await target).send(delivery)
    } catch (error) {
      // What could not be opened may be there the next time.
      await target.catch(() => this.#open.delete(arn))
      throw error
    }
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(all.map(closeTarget))
  }

  async #create(arn: string): Promise<Target> {
    const problem = targetProblem(this.#map, arn)
    if (problem !== undefined) throw new Error(problem)
    const url = new URL(queueUrl(this.#map, arn)!)
    switch (url.protocol) {
      case 'redis:':
      case 'rediss:':
        return RedisStreamTarget.open(url, url.searchParams.get('stream') ?? nameOfArn(arn))
      case 'http:':
      case 'https:':
        return new HttpTarget(url)
      default:
        return new FileTarget(fileURLToPath(url))
    }
  }

  #closeOldest(): void {
    if (this.#open.size <= MAX_OPEN) return
    const [arn, oldest] = this.#open.entries().next().value!
    this.#open.delete(arn)
    void closeTarget(oldest)
  }
}

const closeTarget = (target: Promise<Target>): Promise<void> =>
  target.then(
    (open) => open.close(),
    () => undefined,
  )

import type { Redis } from 'ioredis'
import type { Delivery } from '../delivery.ts'
import { connectRedis } from './connect-redis.ts'
import type { Target } from './target.ts'

/** Entries of a stream, roughly: older ones are trimmed. */
const MAX_ENTRIES = 1_000_000

/** Adds messages to a Redis stream: the field `body`, and one for each attribute. Event source mappings read the same. */
export class RedisStreamTarget implements Target {
  readonly #redis: Redis
  readonly #stream: string

  private constructor(redis: Redis, stream: string) {
    this.#redis = redis
    this.#stream = stream
  }

  static async open(url: URL, stream: string): Promise<RedisStreamTarget> {
    return new RedisStreamTarget(await connectRedis(url), stream)
  }

  async send({ body, attributes }: Delivery): Promise<void> {
    const fields = Object.entries(attributes).flatMap(([name, { value }]) => [name, value])
    await this.#redis.xadd(this.#stream, 'MAXLEN', '~', MAX_ENTRIES, '*', 'body', body, ...fields)
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }
}

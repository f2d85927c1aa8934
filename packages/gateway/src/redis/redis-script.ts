import { createHash } from 'node:crypto'

/** A Lua script that the server keeps under its SHA-1. */
export interface RedisScript {
  readonly text: string
  readonly sha1: string
}

export const redisScript = (text: string): RedisScript => ({
  text,
  sha1: createHash('sha1').update(text).digest('hex'),
})

import type { Redis } from 'ioredis'

const CONNECT_TIMEOUT_MS = 5_000

/**
 * A connection of its own, made by the first command. ioredis is loaded when it is needed; the message of the rejection says how to get it.
 * @param commandTimeoutMs undefined: commands may block
 */
export async function connectRedis(url: URL, commandTimeoutMs: number | undefined = 10_000): Promise<Redis> {
  const { Redis } = await import('ioredis').catch(() => {
    throw new Error('Redis streams need the package ioredis: npm install ioredis')
  })
  const bare = new URL(url)
  bare.search = ''
  const redis = new Redis(bare.href, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(commandTimeoutMs === undefined ? {} : { commandTimeout: commandTimeoutMs }),
    // A command fails when its connection does: whoever sent it knows whether it may be sent again.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  })
  // Without a listener it writes to the console; commands reject with the same.
  redis.on('error', () => undefined)
  return redis
}

import { setTimeout as sleep } from 'node:timers/promises'
import { bidiStreaming, clientStreaming, serverStreaming, unary } from './handlers.ts'
import type { HelloReply, HelloRequest } from './messages.ts'
import { invalidArgument } from './refusal.ts'

const MAX_DELAY_MS = 60_000
const MAX_COUNT = 1_000
const DEFAULT_COUNT = 5
/** LotsOfGreetings names so many and counts the others: a client may send names for ever. */
const MAX_NAMED = 3

/** The four methods, by their names in the .proto file. `signal` says that the client is gone, or its deadline over. */
export const greeter = {
  SayHello: unary(async (request: HelloRequest, signal): Promise<HelloReply> => {
    check(request)
    await pause(request.delay_ms, signal)
    return hello(request.name)
  }),

  SayHelloStreamReply: serverStreaming(async function* (request: HelloRequest, signal): AsyncGenerator<HelloReply> {
    check(request)
    const count = request.count || DEFAULT_COUNT
    for (let at = 1; at <= count; at++) {
      await pause(request.delay_ms, signal)
      yield hello(`${request.name}, ${at} of ${count}`)
    }
  }),

  LotsOfGreetings: clientStreaming(async (requests: AsyncIterable<HelloRequest>, signal): Promise<HelloReply> => {
    const named: string[] = []
    let others = 0
    let delayMs = 0
    for await (const request of requests) {
      check(request)
      delayMs = Math.max(delayMs, request.delay_ms)
      if (named.length < MAX_NAMED) named.push(request.name)
      else others++
    }
    if (named.length === 0) throw invalidArgument('nobody to greet: the stream of requests was empty')
    await pause(delayMs, signal)
    return hello(others === 0 ? named.join(', ') : `${named.join(', ')} and ${others} more`)
  }),

  SayHelloBidiStream: bidiStreaming(async function* (
    requests: AsyncIterable<HelloRequest>,
    signal,
  ): AsyncGenerator<HelloReply> {
    for await (const request of requests) {
      check(request)
      await pause(request.delay_ms, signal)
      yield hello(request.name)
    }
  }),
}

const hello = (whom: string): HelloReply => ({ message: `Hello ${whom}` })

function check({ name, delay_ms: delayMs, count }: HelloRequest): void {
  // Not only ASCII: gRPC percent-encodes messages, and what stands between has to leave that alone.
  if (name === '') throw invalidArgument('the name is empty; say who is there, as “Zoë” or 「関所」')
  if (delayMs > MAX_DELAY_MS) throw invalidArgument(`delay_ms is ${MAX_DELAY_MS} at most, not ${delayMs}`)
  if (count > MAX_COUNT) throw invalidArgument(`count is ${MAX_COUNT} at most, not ${count}`)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal })
}

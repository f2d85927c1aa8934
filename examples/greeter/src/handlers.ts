import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
  type StatusObject,
} from '@grpc/grpc-js'
import { Refusal } from './refusal.ts'

/*
 * grpc-js hands callbacks and streams to a method. Here methods are async functions and generators, which read better:
 * what they throw ends the call, and a generator goes on only when the client takes what it gave.
 */

export function unary<Q, S>(method: (request: Q, signal: AbortSignal) => Promise<S>): handleUnaryCall<Q, S> {
  return (call, answer) => {
    method(call.request, cancellation(call)).then(
      (reply) => answer(null, reply),
      (error: unknown) => answer(statusOf(error)),
    )
  }
}

export function clientStreaming<Q, S>(
  method: (requests: AsyncIterable<Q>, signal: AbortSignal) => Promise<S>,
): handleClientStreamingCall<Q, S> {
  return (call, answer) => {
    const signal = cancellation(call)
    method(messagesOf<Q>(call, signal), signal).then(
      (reply) => answer(null, reply),
      (error: unknown) => answer(statusOf(error)),
    )
  }
}

export function serverStreaming<Q, S>(
  method: (request: Q, signal: AbortSignal) => AsyncIterable<S>,
): handleServerStreamingCall<Q, S> {
  return (call) => {
    const signal = cancellation(call)
    void sendAll(call, method(call.request, signal), signal)
  }
}

export function bidiStreaming<Q, S>(
  method: (requests: AsyncIterable<Q>, signal: AbortSignal) => AsyncIterable<S>,
): handleBidiStreamingCall<Q, S> {
  return (call) => {
    const signal = cancellation(call)
    void sendAll(call, method(messagesOf<Q>(call, signal), signal), signal)
  }
}

async function sendAll<Q, S>(
  call: ServerWritableStream<Q, S> | ServerDuplexStream<Q, S>,
  replies: AsyncIterable<S>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const reply of replies) {
      if (!call.write(reply)) await once(call, 'drain', { signal })
    }
    call.end()
  } catch (error) {
    // grpc-js ends the call with the status that it finds in the error. Of a cancelled one nobody hears.
    if (!signal.aborted) call.emit('error', statusOf(error))
  }
}

/** The messages to their end. Throws when that is the client's leaving. */
async function* messagesOf<Q>(call: Readable, signal: AbortSignal): AsyncGenerator<Q> {
  // Leaving the loop early must not destroy the stream: it is the way back, too.
  yield* call.iterator({ destroyOnReturn: false }) as AsyncIterable<Q>
  // grpc-js ends the stream of a cancelled call as any other, and says that it was cancelled within the same turn.
  await setImmediate()
  signal.throwIfAborted()
}

interface Cancellable {
  readonly cancelled: boolean
  once(event: 'cancelled', listener: () => void): unknown
}

function cancellation(call: Cancellable): AbortSignal {
  const controller = new AbortController()
  if (call.cancelled) controller.abort()
  else call.once('cancelled', () => controller.abort())
  return controller.signal
}

/** Only what was meant for the client gets there. */
function statusOf(error: unknown): Pick<StatusObject, 'code' | 'details'> {
  if (error instanceof Refusal) return { code: error.code, details: error.message }
  return { code: status.INTERNAL, details: 'internal error' }
}

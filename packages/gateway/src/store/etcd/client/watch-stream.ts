import { decodeWatch } from '../messages/decode.ts'
import { encodeRange, encodeWatchCreate, encodeWatchProgress } from '../messages/encode.ts'
import type { ResponseHeader, WatchCreateRequest, WatchEvent } from '../messages/messages.ts'
import type { Connection } from './connection.ts'
import { EtcdError, etcdError } from './etcd-error.ts'

/**
 * How often etcd is asked for a sign of life, when it says nothing. A connection that is cut without a word, and a process that stands
 * still, are noticed after SILENT_BEATS of them: 4 to 6 seconds.
 */
export const HEARTBEAT_MS = 2_000
export const SILENT_BEATS = 3
/** A watch may be silent for so many beats while the same connection answers: etcd gathers what it will tell. */
export const STUCK_BEATS = 30
/** Of one revision. A transaction has at most 1.5 MB unless etcd was told otherwise; deletion of a whole prefix has no limit there. */
export const MAX_EVENTS_OF_REVISION = 1_000_000

export interface WatchHandlers {
  created(header: ResponseHeader): void
  /** All events of one revision or of several, whole. */
  events(events: readonly WatchEvent[]): void
  /** All up to this revision has been told. etcd says so by itself, every ten minutes, when there were no events. */
  progress(header: ResponseHeader): void
}

/**
 * A watch on one connection, until it ends. Rejects with why: an EtcdError, `compacted` when the start is no longer kept.
 * @param signal ends it
 */
export function runWatch(
  connection: Connection,
  token: string | undefined,
  request: WatchCreateRequest,
  handlers: WatchHandlers,
  signal: AbortSignal,
  heartbeatMs = HEARTBEAT_MS,
): Promise<never> {
  // Answered by the member itself, without the others and without the disk.
  const probe = encodeRange({ key: request.key, limit: 1, serializable: true, keysOnly: true }).finish()
  return new Promise((_resolve, reject) => {
    const stream = connection.stream('/etcdserverpb.Watch/Watch', token)
    let silentBeats = 0
    let stuckBeats = 0
    let answers = connection.answers
    let fragments: WatchEvent[] = []
    let ended = false

    const end = (error: EtcdError): void => {
      ended = true
      clearInterval(beat)
      signal.removeEventListener('abort', aborted)
      stream.cancel()
      reject(error)
    }
    const aborted = (): void => end(new EtcdError('refused', 'the watch was stopped'))
    // Beats are counted, not time: a thread that was busy for long has not heard what lies in its sockets yet.
    const beat = setInterval(() => {
      if (connection.answers !== answers) silentBeats = 0
      answers = connection.answers
      silentBeats++
      stuckBeats++
      if (silentBeats >= SILENT_BEATS || stuckBeats >= STUCK_BEATS) {
        const seconds = ((silentBeats >= SILENT_BEATS ? silentBeats : stuckBeats) * heartbeatMs) / 1000
        return end(new EtcdError('unreachable', `etcd (${connection.address}): no sign of life for ${seconds} s`))
      }
      stream.write(encodeWatchProgress())
      connection.unary('/etcdserverpb.KV/Range', probe, token, heartbeatMs * SILENT_BEATS).catch(() => undefined)
    }, heartbeatMs)
    beat.unref()

    const receive = (bytes: Uint8Array): void => {
      silentBeats = 0
      stuckBeats = 0
      const response = decodeWatch(bytes)
      if (response.canceled) return end(cancelled(response.compactRevision, response.cancelReason, connection.address))
      if (response.created) return handlers.created(response.header)
      if (response.events.length === 0 && !response.fragment) {
        // What was asked for is a sign of life and no more: before 3.4.26 and 3.5.8 it may come before events that it covers (etcd #15220).
        if (response.watchId >= 0) handlers.progress(response.header)
        return
      }
      if (response.fragment || fragments.length > 0) {
        for (const event of response.events) fragments.push(event)
        if (fragments.length > MAX_EVENTS_OF_REVISION)
          return end(new EtcdError('compacted', `etcd: one change of more than ${MAX_EVENTS_OF_REVISION} keys`))
        if (response.fragment) return
        const all = fragments
        fragments = []
        return handlers.events(all)
      }
      handlers.events(response.events)
    }
    stream.on('data', (bytes: Uint8Array) => {
      try {
        if (!ended) receive(bytes)
      } catch (error) {
        end(new EtcdError('unreachable', `etcd (${connection.address}): ${String(error)}`, { cause: error }))
      }
    })
    stream.on('error', (error) => end(etcdError(error, connection.address)))
    stream.on('end', () => end(new EtcdError('unreachable', `etcd (${connection.address}): the stream ended`)))
    signal.addEventListener('abort', aborted)
    if (signal.aborted) return aborted()
    stream.write(encodeWatchCreate(request))
  })
}

function cancelled(compactRevision: number, reason: string, address: string): EtcdError {
  if (compactRevision > 0) return new EtcdError('compacted', `etcd (${address}): compacted at ${compactRevision}`)
  // A token that has run out is a lack of permission here (and nothing else says so).
  const failure = /permission denied|auth token|auth store/.test(reason) ? 'token' : 'unreachable'
  return new EtcdError(failure, `etcd (${address}): ${reason || 'the watch was cancelled'}`)
}

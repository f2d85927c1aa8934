import { type Deadline, type Metadata, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'

/** A call whose metadata has come. */
export interface StartedCall {
  /** `helloworld.Greeter` */
  readonly service: string
  /** `SayHello` */
  readonly method: string
  /** As gRPC's metrics name the four kinds. */
  readonly type: 'unary' | 'client_stream' | 'server_stream' | 'bidi_stream'
  readonly peer: string
  readonly metadata: Metadata
}

export interface EndedCall {
  /** `OK`, `INVALID_ARGUMENT` */
  readonly code: string
  readonly details: string
  readonly seconds: number
}

/** Watches one call. */
export interface CallWatch {
  /** Runs what handles the call, for contexts that go by it. */
  run?(handle: () => void): void
  ended(end: EndedCall): void
}

/** Something that wants to know of each call. */
export type CallObserver = (call: StartedCall) => CallWatch

/** Tells observers of calls of known methods; what is not known never gets here, so names are not the client's. */
export function observeCalls(observers: readonly CallObserver[]): ServerInterceptor {
  return ({ path, requestStream, responseStream }, call) => {
    const [, service, method] = path.split('/') as [string, string, string]
    const type = requestStream
      ? responseStream
        ? 'bidi_stream'
        : 'client_stream'
      : responseStream
        ? 'server_stream'
        : 'unary'
    const startedAt = performance.now()
    let watches: CallWatch[] | undefined
    let run = (handle: () => void): void => handle()

    const begin = (metadata: Metadata): void => {
      const started: StartedCall = { service, method, type, peer: call.getPeer(), metadata }
      watches = observers.map((observe) => observe(started))
      for (const watch of watches) {
        const inner = run
        if (watch.run !== undefined) run = (handle) => watch.run?.(() => inner(handle))
      }
    }
    const end = (code: status, details: string): void => {
      const seconds = (performance.now() - startedAt) / 1000
      for (const watch of watches ?? []) watch.ended({ code: status[code], details, seconds })
      watches = undefined
    }

    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            begin(metadata)
            run(() => pass(metadata))
          },
          onReceiveHalfClose: (pass) => run(pass),
          // Comes after a status, too, when there is nothing left to end.
          onCancel: () =>
            isOver(call.getDeadline())
              ? end(status.DEADLINE_EXCEEDED, 'deadline exceeded')
              : end(status.CANCELLED, 'cancelled'),
        }),
      sendStatus: (sent, next) => {
        end(sent.code ?? status.UNKNOWN, sent.details ?? '')
        next(sent)
      },
    })
  }
}

/** A deadline is counted from when the call came: the client, whose time began before that, cancels a little earlier. */
const AHEAD_MS = 50

const isOver = (deadline: Deadline): boolean => Number(deadline) <= Date.now() + AHEAD_MS

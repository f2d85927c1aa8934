import type { Backend, StreamSession } from '@sekisho/proxy'
import type { StreamRoutePlan } from './stream-plan.ts'

/** What the gateway knows of a session below HTTP. */
export class StreamContext {
  plan: StreamRoutePlan | undefined
  /** The node that the balancer counts this session for. */
  countedBackend: Backend | undefined
  /** Plugins that let the session in: they are told of its end. */
  entered = 0
  private states: Map<string, unknown> | undefined

  /** What a plugin left here by `setState`. */
  getState<State>(key: string): State | undefined {
    return this.states?.get(key) as State | undefined
  }
  setState(key: string, state: unknown): void {
    ;(this.states ??= new Map()).set(key, state)
  }
}

/** What plugins see of a TCP connection, or of the datagrams of a client. */
export type GatewayStreamSession = StreamSession<StreamContext>

import { type Server, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { GREETER, HEALTH_WATCH } from './proto.ts'

/** `grpc.health.v1`: of the whole server, by the empty name, and of the Greeter. */
export class Health {
  private readonly implementation = new HealthImplementation({ '': 'SERVING', [GREETER]: 'SERVING' })
  private readonly watches = new Set<ServerInterceptingCall>()

  addTo(server: Server): void {
    this.implementation.addToServer(server)
  }

  notServing(): void {
    for (const name of ['', GREETER]) this.implementation.setStatus(name, 'NOT_SERVING')
  }

  /** Who watches would never hang up, and the stop would wait for it to the limit. */
  endWatches(): void {
    for (const watch of this.watches) watch.sendStatus({ code: status.UNAVAILABLE, details: 'the server stops' })
  }

  /** Knows the calls that watch. */
  readonly intercept: ServerInterceptor = ({ path }, call) => {
    const watches = this.watches
    const watched: ServerInterceptingCall = new ServerInterceptingCall(
      call,
      path !== HEALTH_WATCH
        ? {}
        : {
            start(next) {
              watches.add(watched)
              next({ onCancel: () => void watches.delete(watched) })
            },
          },
    )
    return watched
  }
}

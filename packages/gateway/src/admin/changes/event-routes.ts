import type { ResourceDifference } from '../../control/control-plane.ts'
import type { AdminOptions, AdminRouter } from '../admin-options.ts'
import { AdminError } from '../request/admin-error.ts'

/** Pages that watch at the same time. */
const MAX_STREAMS = 32

/** What a slow reader may leave waiting, in bytes: 20,000 changes. Above that its stream ends, and it reads everything anew. */
const MAX_WAITING = 1_048_576

/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 15_000

/** `/events`: server-sent events (HTML Living Standard, section 9.2), one for each change, with the revision as its id. */
export function eventRoutes(api: AdminRouter, { control }: AdminOptions): void {
  let streams = 0
  api.get('/events', (c) => {
    if (streams >= MAX_STREAMS)
      throw new AdminError(503, `${MAX_STREAMS} streams of events are open already; close one of them`)
    streams++
    let end = (): void => undefined
    const body = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          const send = (text: string): void => {
            if ((controller.desiredSize ?? 0) > 0) return controller.enqueue(encoder.encode(text))
            end()
            controller.close()
          }
          const stop = control.onChange(({ revision, differences }) =>
            send(event('change', revision, { revision, changes: differences.map(changeOf) })),
          )
          const heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS)
          heartbeat.unref()
          let ended = false
          end = () => {
            if (ended) return
            ended = true
            streams--
            clearInterval(heartbeat)
            stop()
          }
          send(event('revision', control.revision, { revision: control.revision }))
        },
        cancel: () => end(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING }),
    )
    return c.body(body, 200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  })
}

const encoder = new TextEncoder()

const event = (name: string, id: number, data: object): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/** What changed, not to what: whoever may see that asks for it. */
const changeOf = ({ kind, id, before, after }: ResourceDifference): object => ({
  kind,
  id,
  operation: after === undefined ? 'delete' : before === undefined ? 'create' : 'update',
})

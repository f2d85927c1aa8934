import type { Log } from '../log.ts'
import type { CallObserver } from './observe.ts'

/** A line for each call that ended: at level `warn` where that is the server's fault. */
export function logCalls(log: Log): CallObserver {
  return ({ service, method, peer, metadata }) => ({
    ended({ code, details, seconds }) {
      const fields = {
        service,
        method,
        code,
        details: details === '' || code === 'OK' ? undefined : details,
        ms: Math.round(seconds * 1e5) / 100,
        peer,
        trace: traceId(metadata.get('traceparent')[0]),
      }
      if (code === 'INTERNAL' || code === 'UNKNOWN') log.warn('call', fields)
      else log.info('call', fields)
    },
  })
}

/** W3C Trace Context, section 3.2: version-traceid-parent-flags. */
const traceId = (traceparent: string | Buffer | undefined): string | undefined =>
  typeof traceparent === 'string' ? /^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent)?.[1] : undefined

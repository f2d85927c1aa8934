import { startGreeter } from '@sekisho/greeter'

/*
 * The process of the Greeter: grpc-js and what belongs to it stay out of the supervisor. Its parent ends it by hanging up.
 */

/** How long a stream that somebody watches may hold up Ctrl-C. */
const DRAIN_LIMIT_MS = 1_000

// Ctrl-C reaches every process of the terminal, and the gateway still has calls to finish.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

const greeter = await startGreeter({ webPort: 0, drainLimitMs: DRAIN_LIMIT_MS })
process.once('disconnect', () => void greeter.stop())
// Without a listener in time, a parent that is gone already would be missed.
if (process.connected) process.send?.({ port: greeter.port, webPort: greeter.webPort })
else void greeter.stop()

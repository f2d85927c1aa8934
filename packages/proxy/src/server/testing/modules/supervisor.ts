import { writeSync } from 'node:fs'
import { Server } from '../../server.ts'
import type { ProgramSettings } from '../program.ts'

/** A product that keeps its supervisor apart from what the gateway process and the workers load. */
const { listen = [] } = JSON.parse(process.env['PROGRAM'] ?? '{}') as ProgramSettings
const server = new Server({
  workers: 1,
  gatewayModule: new URL('gateway.mjs', import.meta.url),
  workerModule: new URL('worker.mjs', import.meta.url),
  onReady: (info) => writeSync(1, `${JSON.stringify({ event: 'ready', ...info })}\n`),
})
for (const address of listen) server.listen(address)
await server.run()

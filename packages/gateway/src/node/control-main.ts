import { Server } from '@sekisho/proxy/server'
import { controlNode } from './control-node.ts'

/** The gateway process: its main thread is the control thread, which starts the workers. */
const file = process.env['SEKISHO_CONFIG'] ?? process.argv[2]
if (file === undefined) throw new Error('the gateway process was started without a configuration file')

await new Server({
  workerModule: new URL(import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js', import.meta.url),
})
  .control((control) => controlNode(control, file))
  .run()

import { parentPort } from 'node:worker_threads'
import { loadNode } from './load-node.ts'

/** The thread of a ConfigLoader: loads what it is asked for, one after the other. */
parentPort?.on('message', ({ id, file }: { id: number; file: string }) => {
  loadNode(file).then(
    (result) => parentPort?.postMessage({ id, result }),
    (error: unknown) =>
      parentPort?.postMessage({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})

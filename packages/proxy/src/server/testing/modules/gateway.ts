import { Server } from '../../server.ts'

const server = new Server().control((control) => {
  control.workerData = control.listeners.map((listener) => listener.key)
})
await server.run()

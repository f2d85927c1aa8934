import { Server } from '../../server.ts'
import { httpApplication } from '../http-application.ts'

const server = new Server().listenInherited((worker, { key }) =>
  httpApplication((_, response) =>
    response.end(JSON.stringify({ key, data: worker.data, args: process.argv.slice(2) })),
  ),
)
await server.run()

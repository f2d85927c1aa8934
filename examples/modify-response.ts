// Changes a response body: JSON from the upstream leaves as YAML.
//
//   node examples/modify-response.ts
//   curl -i http://127.0.0.1:6188/users               200, text/x-yaml: "- name: Ann" ...
//   curl -i http://127.0.0.1:6188/plain               text is left as it is

import { httpProxy, peer, Server } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)
/** What is gathered has a limit: a body that exceeds it is cut rather than held in memory. */
const MAX_BYTES = 1_048_576

const proxy = httpProxy<{ readonly chunks: Uint8Array[]; bytes: number }>({
  newContext: () => ({ chunks: [], bytes: 0 }),
  upstreamPeer: () => peer(`127.0.0.1:${port + 1}`),
  responseFilter(_session, response) {
    if (response.headers.get('content-type') !== 'application/json') return
    response.headers.set('Content-Type', 'text/x-yaml')
    // The length will be another one.
    response.headers.delete('content-length')
  },
  filtersResponseBody: (session) => session.response?.headers.get('content-type') === 'text/x-yaml',
  responseBodyFilter({ ctx }, chunk, end) {
    ctx.bytes += chunk.length
    if (ctx.bytes > MAX_BYTES) throw new Error(`a response body is larger than ${MAX_BYTES} bytes`)
    // A chunk is only valid during the call.
    ctx.chunks.push(Buffer.from(chunk))
    return Buffer.from(end ? yaml(JSON.parse(Buffer.concat(ctx.chunks).toString()) as User[]) : '')
  },
})

/** Enough YAML for an example; a program would take the `yaml` package. */
const yaml = (users: readonly User[]): string =>
  users.map(({ name, age }) => `- name: ${name}\n  age: ${age}\n`).join('')
type User = Readonly<{ name: string; age: number }>

const users: User[] = [{ name: 'Ann', age: 41 }]
const upstream = httpProxy({
  requestFilter: (session) => session.respond(200, session.request.path === '/users' ? users : 'plain text\n'),
  upstreamPeer: () => peer(undefined),
})

await new Server()
  .listen(`127.0.0.1:${port}`, proxy)
  .listen(`127.0.0.1:${port + 1}`, upstream)
  .run()

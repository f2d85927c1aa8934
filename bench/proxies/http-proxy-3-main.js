import { Agent, createServer, ServerResponse } from 'node:http'
import { createProxyServer } from 'http-proxy-3'

const { port, upstream, keepalive, idleMs } = JSON.parse(process.argv[2])
const proxy = createProxyServer({
  target: `http://127.0.0.1:${upstream}`,
  agent: new Agent({ keepAlive: true, maxFreeSockets: keepalive, timeout: idleMs }),
})
proxy.on('error', (_error, _request, response) => {
  if (response instanceof ServerResponse && !response.headersSent) response.writeHead(502)
  response.end()
})
const server = createServer((request, response) => proxy.web(request, response))
server.keepAliveTimeout = idleMs
server.listen(port, '127.0.0.1', 4096)

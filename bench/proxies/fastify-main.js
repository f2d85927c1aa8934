import Fastify from 'fastify'
import proxy from '@fastify/http-proxy'

const { port, upstream, keepalive, idleMs } = JSON.parse(process.argv[2])
const app = Fastify({ logger: false, keepAliveTimeout: idleMs })
await app.register(proxy, {
  upstream: `http://127.0.0.1:${upstream}`,
  undici: { connections: keepalive, pipelining: 1, keepAliveTimeout: idleMs, keepAliveMaxTimeout: idleMs },
})
await app.listen({ port, host: '127.0.0.1', backlog: 4096 })

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export const TOKEN = 'hvs.a-token-of-the-tests'

/** How it behaves: as it should, or `hang` (no answer), `huge`, `text` (no JSON), `half` (closes within), `sealed`, `redirect`. */
type Mode = 'well' | 'hang' | 'huge' | 'text' | 'half' | 'sealed' | 'redirect'

export interface FakeVault {
  readonly uri: string
  /** `GET /v1/kv/jack` */
  readonly asked: string[]
  /** Version 1 of the engine at `kv`, version 2 at `secret`: by path behind the mount. */
  readonly kv: Map<string, object>
  readonly secret: Map<string, object>
  mode: Mode
  token: string
  namespace: string | undefined
  close(): Promise<void>
}

/** The key/value engines of Vault over HTTP, as far as reading goes. */
export async function fakeVault(): Promise<FakeVault> {
  const server = createServer((request, response) => answer(vault, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const vault: FakeVault = {
    uri: `http://127.0.0.1:${port}`,
    asked: [],
    kv: new Map(),
    secret: new Map(),
    mode: 'well',
    token: TOKEN,
    namespace: undefined,
    close: async () => {
      server.closeAllConnections()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
  onTestFinished(() => vault.close())
  return vault
}

function answer(vault: FakeVault, request: IncomingMessage, response: ServerResponse): void {
  const { method, url = '', headers } = request
  vault.asked.push(`${method} ${url}`)
  const reply = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
  switch (vault.mode) {
    case 'hang':
      return
    case 'huge':
      response.end(Buffer.alloc(4 * 1024 * 1024, ' '))
      return
    case 'text':
      response.end('<html>')
      return
    case 'half':
      response.writeHead(200, { 'content-length': 1_000 })
      response.write('{')
      setImmediate(() => response.destroy())
      return
    case 'sealed':
      return reply(503, { errors: ['Vault is sealed'] })
    case 'redirect':
      response.writeHead(307, { location: 'http://127.0.0.1:1/v1/kv/jack' })
      response.end()
      return
  }
  if (headers['x-vault-token'] !== vault.token || headers['x-vault-namespace'] !== vault.namespace)
    return reply(403, { errors: ['permission denied'] })
  if (method !== 'GET') return reply(405, { errors: [] })
  const path = decodeURIComponent(url)
  const frame = { request_id: '1', lease_id: '', renewable: false, wrap_info: null, warnings: null, auth: null }
  const one = path.startsWith('/v1/kv/') ? vault.kv.get(path.slice(7)) : undefined
  if (one !== undefined) return reply(200, { ...frame, lease_duration: 2_764_800, data: one })
  const two = path.startsWith('/v1/secret/data/') ? vault.secret.get(path.slice(16)) : undefined
  if (two === undefined) return reply(404, { errors: [] })
  const metadata = { created_time: '2026-11-21T10:00:00Z', custom_metadata: null, deletion_time: '', version: 3 }
  reply(200, { ...frame, lease_duration: 0, data: { data: two, metadata } })
}

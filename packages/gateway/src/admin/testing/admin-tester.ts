import type { Hono } from 'hono'
import { PluginRegistry } from '../../plugins/plugin-registry.ts'
import { createAdminApp } from '../admin-app.ts'
import type { AdminEnv, AdminOptions } from '../admin-options.ts'
import type { AuditEntry } from '../audit/audit-entry.ts'
import { FakeControlPlane } from './fake-control-plane.ts'

export const ADMIN_KEY = 'an-admin-key-of-the-tests'
export const VIEWER_KEY = 'a-viewer-key-of-the-tests'
export const KEYS = [
  { name: 'ops', key: ADMIN_KEY, role: 'admin' },
  { name: 'auditor', key: VIEWER_KEY, role: 'viewer' },
] as const

export interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of many shapes
  readonly body: any
}

export interface AdminTester {
  readonly app: Hono<AdminEnv>
  readonly control: FakeControlPlane
  readonly audited: AuditEntry[]
  readonly logged: string[]
  /** A request with the admin's key, below `/apisix/admin`; objects are sent as JSON. */
  readonly ask: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Asked>
}

/** The Admin API on a control plane in memory, without a socket. */
export async function adminTester(options: Partial<AdminOptions> = {}): Promise<AdminTester> {
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  const control = new FakeControlPlane(plugins)
  const audited: AuditEntry[] = []
  const logged: string[] = []
  const log = (_fields: object, message: string): void => void logged.push(message)
  const app = createAdminApp({
    control,
    keys: KEYS,
    plugins,
    audit: (entry) => void audited.push(entry),
    logger: { error: log, warn: log, info: log },
    ...options,
  })
  return {
    app,
    control,
    audited,
    logged,
    ask: async (method, path, body, headers = {}) => {
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
      const url = path.startsWith('//') ? path.slice(1) : `/apisix/admin${path}`
      const response = await app.request(url, { method, headers: { 'x-api-key': ADMIN_KEY, ...headers }, ...sent })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, body: parsed(text) }
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

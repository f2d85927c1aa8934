import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { AdminContext } from '../admin-options.ts'

const TYPE = { 'content-type': 'application/json' }

/** JSON with a line break behind it, as APISIX writes it: friendly to terminals. */
export const reply = (
  c: AdminContext,
  status: ContentfulStatusCode,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response => c.body(`${JSON.stringify(body)}\n`, status, { ...TYPE, ...headers })

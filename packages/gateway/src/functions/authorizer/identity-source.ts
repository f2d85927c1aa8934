import type { GatewaySession } from '../../session.ts'
import { variableReader } from '../../variables/variables.ts'

/** Reads what identifies a caller; undefined: the request does not have it. */
export type IdentitySource = (session: GatewaySession) => string | undefined

/** As API Gateway writes them: `$request.header.NAME`, `method.request.querystring.NAME`, `$context.VARIABLE`. */
export const IDENTITY_PATTERN =
  "^(\\$request\\.|method\\.request\\.)(header|querystring)\\.[a-zA-Z0-9_.~!#$%&'*+^`|-]+$|^\\$?context\\.[a-zA-Z0-9_.]+$|^\\$?stageVariables\\.[a-zA-Z0-9_]+$"

const CONTEXT: Readonly<Record<string, string>> = {
  'identity.sourceIp': 'remote_addr',
  'http.sourceIp': 'remote_addr',
  httpMethod: 'request_method',
  'http.method': 'request_method',
  path: 'uri',
  'http.path': 'uri',
  domainName: 'host',
  protocol: 'server_protocol',
}

/** @returns a text: why there is no such source */
export function identitySource(
  written: string,
  stageVariables: Readonly<Record<string, string>> = {},
): IdentitySource | string {
  const text = written.replace(/^\$/, '').replace(/^(method\.)?request\./, '')
  const dot = text.indexOf('.')
  const kind = text.slice(0, dot)
  const name = text.slice(dot + 1)
  if (kind === 'header') return ({ request }) => nonEmpty(request.headers.get(name))
  if (kind === 'querystring')
    return ({ request }) => nonEmpty(new URLSearchParams(request.query).get(name) ?? undefined)
  if (kind === 'stageVariables') return () => nonEmpty(stageVariables[name])
  const variable = CONTEXT[name]
  if (variable === undefined) return `of the context there are ${Object.keys(CONTEXT).join(', ')}`
  const read = variableReader(variable)
  return ({ ctx }) => nonEmpty(String(read(ctx) ?? ''))
}

const nonEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value)

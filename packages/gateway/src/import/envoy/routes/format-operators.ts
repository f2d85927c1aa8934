/** Envoy's operators that have a variable here. */
const VARIABLES: Readonly<Record<string, string>> = {
  START_TIME: 'time_iso8601',
  PROTOCOL: 'server_protocol',
  RESPONSE_CODE: 'status',
  BYTES_RECEIVED: 'request_length',
  BYTES_SENT: 'body_bytes_sent',
  DURATION: 'request_time',
  UPSTREAM_HOST: 'upstream_addr',
  UPSTREAM_REMOTE_ADDRESS: 'upstream_addr',
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: 'remote_addr',
  DOWNSTREAM_REMOTE_PORT: 'remote_port',
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: 'realip_remote_addr',
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: 'server_addr',
  DOWNSTREAM_LOCAL_PORT: 'server_port',
  HOSTNAME: 'hostname',
  ROUTE_NAME: 'route_id',
  REQUESTED_SERVER_NAME: 'ssl_server_name',
  DOWNSTREAM_TLS_VERSION: 'ssl_protocol',
  DOWNSTREAM_TLS_CIPHER: 'ssl_cipher',
  DOWNSTREAM_PEER_SUBJECT: 'ssl_client_s_dn',
  DOWNSTREAM_PEER_FINGERPRINT_256: 'ssl_client_fingerprint',
}

const REQUEST_PARTS: Readonly<Record<string, string>> = {
  ':METHOD': 'request_method',
  ':PATH': 'request_uri',
  ':AUTHORITY': 'http_host',
  ':SCHEME': 'scheme',
  // Envoy keeps the client's path there when it rewrites.
  'X-ENVOY-ORIGINAL-PATH?:PATH': 'request_uri',
}

const OPERATOR = /%(?:%|([A-Z_0-9]+)(?:\(([^)]*)\))?(?::\d+)?%)/g

/** A text with `%OPERATORS%` as one with `$variables`. */
export interface ConvertedFormat {
  readonly text: string
  /** Operators without an equal; in the text there is nothing in their place. */
  readonly missing: readonly string[]
}

/** @param escapeDollar what a dollar sign becomes: plugins read `\$` as one, access logs have no way to write it */
export function convertFormat(format: string, escapeDollar: string): ConvertedFormat {
  const missing: string[] = []
  let text = ''
  let from = 0
  for (const match of format.matchAll(OPERATOR)) {
    text += format.slice(from, match.index).replaceAll('$', () => escapeDollar)
    from = match.index + match[0].length
    if (match[1] === undefined) text += '%'
    else {
      const variable = variableOf(match[1], match[2])
      if (variable === undefined) missing.push(match[0])
      else text += /^\w/.test(format.slice(from)) ? `\${${variable}}` : `$${variable}`
    }
  }
  return { text: text + format.slice(from).replaceAll('$', () => escapeDollar), missing }
}

function variableOf(operator: string, argument: string | undefined): string | undefined {
  if (argument === undefined || operator === 'START_TIME') return VARIABLES[operator]
  const name = argument.toUpperCase()
  const field = /^[A-Z0-9-]+$/.test(name) ? name.toLowerCase().replaceAll('-', '_') : undefined
  switch (operator) {
    case 'REQ':
      return REQUEST_PARTS[name] ?? (field && `http_${field}`)
    case 'RESP':
      return field && `sent_http_${field}`
    default:
      return undefined
  }
}

import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'

/**
 * Reads what an HttpConnectionManager says about connections, paths and addresses. Much of it holds for the node here.
 *
 * @returns `stream_idle_timeout` in seconds, where it is written
 */
export function readManagerOptions(manager: Message, context: ImportContext): number | undefined {
  readCodec(manager)
  readPathOptions(manager)
  readTrust(manager)
  readLimits(manager, context)
  readNames(manager, context)
  return manager.duration('stream_idle_timeout')
}

function readCodec(manager: Message): void {
  const codec = manager.enumeration('codec_type') ?? 'AUTO'
  if (codec === 'HTTP3') manager.lose('codec_type', 'HTTP/3 is not in this version')
  else if (codec !== 'AUTO')
    manager.warn('codec_type', 'a listener serves HTTP/1.1 and HTTP/2, told apart by their first bytes')
  // Empty, it says that the protocol is wanted.
  manager.message('http_protocol_options')
}

function readPathOptions(manager: Message): void {
  const normalises = manager.boolean('normalize_path') ?? false
  const merges = manager.boolean('merge_slashes') ?? false
  if (!normalises || !merges) {
    manager.warnOnce(
      'normalize_path',
      normalises ? undefined : 'normalize_path',
      `Envoy compares paths as they are sent${normalises ? ', repeated slashes included' : ', so that /a/../b gets past a route for /b'}. Sekisho normalises them first`,
    )
  }
  if (manager.enumeration('path_with_escaped_slashes_action') === 'UNESCAPE_AND_FORWARD')
    manager.ignore('path_with_escaped_slashes_action')
  else manager.lose('path_with_escaped_slashes_action', 'an escaped slash counts as a slash when routes are looked for')
  manager.boolean('strip_matching_host_port')
  manager.boolean('strip_any_host_port')
}

function readTrust(manager: Message): void {
  if (manager.boolean('use_remote_address') !== true) {
    manager.warnOnce(
      'use_remote_address',
      'use_remote_address',
      'Envoy believes any client\'s X-Forwarded-For. Sekisho believes that of "trusted_addresses", which are none',
    )
  }
  if ((manager.number('xff_num_trusted_hops') ?? 0) > 0)
    manager.lose(
      'xff_num_trusted_hops',
      'write the proxies in front into "trusted_addresses", and see the plugin real-ip',
    )
}

function readLimits(manager: Message, context: ImportContext): void {
  const { settings } = context
  const kilobytes = manager.number('max_request_headers_kb')
  if (kilobytes !== undefined)
    settings.put('limits.max_head_bytes', kilobytes * 1024, manager, 'max_request_headers_kb')
  const forHead = manager.duration('request_headers_timeout')
  if (forHead !== undefined && forHead > 0)
    settings.put('limits.header_timeout', forHead, manager, 'request_headers_timeout')
  const http2 = manager.message('http2_protocol_options')
  if (http2 !== undefined) readHttp2(http2, context)
  const common = manager.message('common_http_protocol_options')
  if (common === undefined) return
  const idle = common.duration('idle_timeout')
  if (idle !== undefined && idle > 0) settings.put('limits.keepalive_timeout', idle, common, 'idle_timeout')
  const headers = common.number('max_headers_count')
  if (headers !== undefined) settings.put('limits.max_header_count', headers, common, 'max_headers_count')
  const requests = common.number('max_requests_per_connection')
  if (requests !== undefined)
    settings.put('limits.max_requests_per_connection', requests, common, 'max_requests_per_connection')
  if (common.enumeration('headers_with_underscores_action') === 'ALLOW')
    common.ignore('headers_with_underscores_action')
}

const WINDOWS = { initial_stream_window_size: 'stream_window', initial_connection_window_size: 'connection_window' }

/** The least that RFC 9113 lets a window begin with: 64 KiB less one byte. */
const LEAST_WINDOW = 65_535

function readHttp2(options: Message, { settings }: ImportContext): void {
  const streams = options.number('max_concurrent_streams')
  if (streams !== undefined)
    settings.put('limits.http2.max_concurrent_streams', streams, options, 'max_concurrent_streams')
  for (const [field, setting] of Object.entries(WINDOWS)) {
    const bytes = options.number(field)
    if (bytes !== undefined) settings.put(`limits.http2.${setting}`, Math.max(LEAST_WINDOW, bytes), options, field)
  }
}

function readNames(manager: Message, { settings }: ImportContext): void {
  const server = manager.string('server_name')
  if (server !== undefined) {
    settings.put('server_header', server, manager, 'server_name')
    manager.warn('server_name', 'names the gateway in its own answers; those of upstreams keep theirs')
  }
  if (manager.enumeration('server_header_transformation') === 'PASS_THROUGH')
    manager.ignore('server_header_transformation')
}

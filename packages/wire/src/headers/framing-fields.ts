/**
 * Fields that belong to one connection (RFC 9110 section 7.6.1), or say where a body ends (RFC 9112 section 6). Who makes a message of the parts
 * of another one, or of a configuration, leaves them out: the connection that the message leaves by sets them.
 */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** @param name in any case */
export const isFramingField = (name: string): boolean => FRAMING.has(name.toLowerCase())

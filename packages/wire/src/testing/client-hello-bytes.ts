/** ClientHellos from their parts, good ones and bad ones. */

export const uint = (value: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}
/** A vector as TLS writes it: its length in `size` bytes, then the parts. */
export const vector = (size: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([uint(body.length, size), body])
}
export const extension = (type: number, data: Buffer): Buffer => Buffer.concat([uint(type, 2), vector(2, data)])

export const serverName = (name: string): Buffer =>
  extension(0, vector(2, uint(0, 1), vector(2, Buffer.from(name, 'latin1'))))
export const alpn = (...names: string[]): Buffer =>
  extension(16, vector(2, ...names.map((name) => vector(1, Buffer.from(name, 'latin1')))))
export const versions = (...list: number[]): Buffer => extension(43, vector(1, ...list.map((one) => uint(one, 2))))

/** @param extensions undefined = without the field, as in TLS 1.0 */
export function helloBody(extensions: readonly Buffer[] | undefined, behind: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    uint(0x0303, 2),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(32, 9)),
    vector(2, uint(0x1301, 2), uint(0xc02b, 2)),
    vector(1, uint(0, 1)),
    ...(extensions === undefined ? [] : [vector(2, ...extensions)]),
    behind,
  ])
}

/** As a handshake message in records of at most `size` bytes. */
export function records(body: Buffer, size = 16_384, type = 1): Buffer {
  const message = Buffer.concat([uint(type, 1), vector(3, body)])
  const pieces: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    pieces.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + size)))
  }
  return Buffer.concat(pieces)
}

export const hello = (...extensions: Buffer[]): Buffer => records(helloBody(extensions))

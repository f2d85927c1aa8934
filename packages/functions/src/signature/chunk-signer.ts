import { ALGORITHM, scopeText, type Credentials } from './credentials.ts'
import { sha256Hex, signText } from './digest.ts'
import type { SignedRequest } from './sign-request.ts'

/** `payloadHash` of a request whose body is signed chunk by chunk. */
export const STREAMING_PAYLOAD = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'

const EMPTY_HASH = sha256Hex('')

/**
 * Frames a body of unknown content into chunks that each carry a signature, the next one's made from the one before: S3's `aws-chunked`. The
 * request is signed with `STREAMING_PAYLOAD`, `content-encoding: aws-chunked` and `x-amz-decoded-content-length`.
 */
export class ChunkSigner {
  private readonly credentials: Credentials
  private readonly request: SignedRequest
  private previous: string

  constructor(credentials: Credentials, request: SignedRequest) {
    this.credentials = credentials
    this.request = request
    this.previous = request.signature
  }

  /** @param chunk empty: the last one. All but the last two must have 8 KiB or more. */
  frame(chunk: Uint8Array): Buffer {
    const { scope, date } = this.request
    const text = `${ALGORITHM}-PAYLOAD\n${date}\n${scopeText(scope)}\n${this.previous}\n${EMPTY_HASH}\n${sha256Hex(chunk)}`
    this.previous = signText(this.credentials.secretAccessKey, scope, text)
    const head = `${chunk.length.toString(16)};chunk-signature=${this.previous}\r\n`
    return Buffer.concat([Buffer.from(head), chunk, Buffer.from('\r\n')])
  }

  /** Bytes on the wire of a body of that length in chunks of that length: the Content-Length to sign. */
  static framedLength(bytes: number, chunkBytes: number): number {
    const rest = bytes % chunkBytes
    return (
      Math.floor(bytes / chunkBytes) * frameLength(chunkBytes) + (rest > 0 ? frameLength(rest) : 0) + frameLength(0)
    )
  }
}

/** Size, `;chunk-signature=`, 64 digits, two line ends. */
const frameLength = (bytes: number): number => bytes.toString(16).length + 17 + 64 + 4 + bytes

import { latin1TextOf } from '@sekisho/wire'
import { PIECE_BYTES, TEXT_BYTES, type StoredMeta, type StoredResponse } from './stored-response.ts'

/** A response that is being written: as it is in memory. It has no place in a store yet. */
export function pendingResponse(meta: StoredMeta, body: readonly Uint8Array[]): StoredResponse {
  let whole: Buffer | undefined
  const bytes = (): Buffer => (whole ??= Buffer.concat(body))
  return {
    ...meta,
    text: meta.bodyLength <= TEXT_BYTES ? latin1TextOf(bytes()) : undefined,
    slot: -1,
    generation: 0,
    openBody: () => ({
      read: (start, end) => bytes().subarray(start, Math.min(end, start + PIECE_BYTES)),
      close: () => undefined,
    }),
  }
}

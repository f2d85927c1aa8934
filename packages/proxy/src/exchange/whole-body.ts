import { latin1TextOf, type ResponseHead } from '@sekisho/wire'

/** A response that is held back until a filter has seen the end of its body (`session.holdResponse`). */
export class WholeBody {
  readonly head: ResponseHead
  readonly limit: number
  /** latin1 text of the bytes so far. */
  text = ''

  constructor(head: ResponseHead, limit: number) {
    this.head = head
    this.limit = limit
  }

  /** @returns false when it is more than the limit */
  add(bytes: Uint8Array): boolean {
    if (this.text.length + bytes.length > this.limit) return false
    this.text += latin1TextOf(bytes)
    return true
  }
}

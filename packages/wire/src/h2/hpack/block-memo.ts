/** A longer head is encoded each time. */
const MAX_TEXT = 1024
/** A power of two. With texts of 300 bytes 8 places are 4 KiB a connection, made when a head comes again. */
const PLACES = 8

/** What a head's lines became. */
class Remembered {
  /** Of the lines that came last and are not the remembered ones. */
  candidate = 0
  lines: string | undefined = undefined
  skip: ReadonlySet<string> | undefined = undefined
  version = 0
  bytes: Uint8Array = NOTHING
}

const NOTHING = new Uint8Array(0)

/**
 * The lines of heads that came again and again, and their bytes: calls of one method by one client have the same. Then a block costs
 * the comparison of two strings instead of all its bytes (measured in `encoder.ts`). What is different in each request
 * costs no copy: a place is taken by lines that come twice in a row there.
 */
export class BlockMemo {
  private readonly places: Remembered[] = []

  find(lines: string, skip: ReadonlySet<string> | undefined, version: number): Uint8Array | undefined {
    const place = this.places[lines.length & (PLACES - 1)]
    if (place === undefined || place.version !== version || place.skip !== skip || place.lines !== lines)
      return undefined
    return place.bytes
  }

  /**
   * After `find` found nothing.
   *
   * @param hash of the lines
   * @param bytes the memory of the caller
   */
  note(
    lines: string,
    skip: ReadonlySet<string> | undefined,
    version: number,
    hash: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): void {
    if (lines.length > MAX_TEXT || end - at > MAX_TEXT) return
    while (this.places.length < PLACES) this.places.push(new Remembered())
    const place = this.places[lines.length & (PLACES - 1)]
    if (place.candidate !== hash) {
      place.candidate = hash
      return
    }
    place.lines = ownCopy(lines)
    place.skip = skip
    place.version = version
    place.bytes = Uint8Array.prototype.slice.call(bytes, at, end)
  }
}

/** The same text in memory of its own: a piece of a string keeps all of that string, which may be 64 KiB of requests. */
export const ownCopy = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

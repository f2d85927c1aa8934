import { seededRandom } from '../../balancing/testing/seeded-random.ts'
import type { UpstreamConnection } from './raw-upstream.ts'

/** A body that says over and over whose it is. A damaged copy is nobody's: each token carries a check. */
export function bodyOf(id: number, tokens: number): string {
  return token(id).repeat(tokens)
}

/** Whose tokens are in these bytes. */
export function ownersIn(text: string): Set<number> {
  const owners = new Set<number>()
  for (const [whole, id] of text.matchAll(/<(\d+):\d+>/g)) if (whole === token(Number(id))) owners.add(Number(id))
  return owners
}

const token = (id: number): string => `<${id}:${(id * 7_919 + 13) % 1_000_003}>`

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Answers with a response of its own making, then damages text, timing or connection. The same seed does the same. */
export class Misbehaviour {
  /** How often each kind was done, so that a test can see that it tests something. */
  readonly kinds = new Map<string, number>()
  private readonly random: () => number

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  async answer(connection: UpstreamConnection, id: number): Promise<void> {
    const text = this.response(id)
    const kind = this.pick([
      'nothing',
      'nothing',
      'nothing',
      'cut',
      'flip',
      'more',
      'twice',
      'drop',
      'insert',
      'close',
      'late',
    ])
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1)
    const at = this.below(text.length)
    switch (kind) {
      case 'cut':
        await this.send(connection, text.slice(0, at))
        this.hangUp(connection)
        return
      // Behind what is damaged from here on bytes may follow that belong to nothing. They come with the rest: what comes in the moment in which
      // the connection is given to the next request, no client of HTTP/1.1 can tell from that request's response.
      case 'flip':
        connection.send(text.slice(0, at) + String.fromCharCode(this.below(256)) + text.slice(at + 1))
        break
      case 'more':
        connection.send(text + bodyOf(id, 1 + this.below(5)))
        break
      case 'twice':
        connection.send(text + this.response(id))
        break
      case 'drop':
        connection.send(text.slice(0, at) + text.slice(at + 1 + this.below(20)))
        break
      case 'insert':
        connection.send(text.slice(0, at) + bodyOf(id, 1) + text.slice(at))
        break
      case 'close':
        await this.send(connection, text)
        this.hangUp(connection)
        return
      case 'late':
        for (let turn = 0; turn < 20; turn++) await nextTurn()
        await this.send(connection, text)
        return
      default:
        await this.send(connection, text)
        return
    }
    // What was damaged may leave the proxy waiting for bytes that never come: some are closed, the others run into the read timeout.
    if (this.random() < 0.7) this.hangUp(connection)
  }

  private response(id: number): string {
    const body = bodyOf(id, this.pick([0, 1, 3, 50, 1_000]))
    if (this.random() < 0.5)
      return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX-Id: ${token(id)}\r\n\r\n${body}`
    let text = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Id: ${token(id)}\r\n\r\n`
    for (let at = 0; at < body.length;) {
      const piece = body.slice(at, at + 1 + this.below(9_000))
      text += `${piece.length.toString(16)}\r\n${piece}\r\n`
      at += piece.length
    }
    return `${text}0\r\n\r\n`
  }

  /** In up to four pieces, some of them in turns of their own. */
  private async send(connection: UpstreamConnection, text: string): Promise<void> {
    const cuts = [this.below(text.length + 1), this.below(text.length + 1), this.below(text.length + 1)].sort(
      (a, b) => a - b,
    )
    let from = 0
    for (const to of [...cuts, text.length]) {
      if (to > from) connection.send(text.slice(from, to))
      if (this.random() < 0.5) await nextTurn()
      from = to
    }
  }

  private hangUp(connection: UpstreamConnection): void {
    if (this.random() < 0.5) connection.end()
    else connection.reset()
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }
}

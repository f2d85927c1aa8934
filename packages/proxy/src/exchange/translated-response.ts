import { latin1TextOf, type ResponseHead } from '@sekisho/wire'
import { ProxyError } from '../proxy-error.ts'
import type { Exchange } from './exchange.ts'
import { fail } from './finish.ts'
import { relayBody, relayEnd, relayHead, relayWhole } from './response-stage.ts'

/**
 * Makes the response of a request out of what the upstream answers, where that speaks of something else than HTTP to the client (a call of a
 * function, say). One for each attempt. What it throws ends the request; a ProxyError says with which status.
 */
export interface ResponseTranslator {
  /** The head to send on: undefined as long as it is not known. It must be there behind the last piece. */
  readonly head: ResponseHead | undefined
  /** The upstream's head. Nothing of it leaves by itself. */
  onHead(head: ResponseHead): void
  /**
   * A piece of the upstream's body, valid during the call only; with `end` the last one, which may be empty.
   * @returns bytes of the response's body
   */
  onBody(chunk: Uint8Array, end: boolean): Uint8Array
}

/** A translator and how far it has come. */
export class TranslatedResponse {
  private readonly translator: ResponseTranslator
  private started = false

  constructor(translator: ResponseTranslator) {
    this.translator = translator
  }

  whole<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead, body: string): void {
    const bytes = this.translate(exchange, () => {
      this.translator.onHead(head)
      return this.translator.onBody(Buffer.from(body, 'latin1'), true)
    })
    if (bytes !== undefined) this.finish(exchange, bytes)
  }

  head<Ctx>(exchange: Exchange<Ctx>, head: ResponseHead): void {
    this.translate(exchange, () => {
      this.translator.onHead(head)
      return NOTHING
    })
  }

  /** @returns whether the memory of `chunk` is free again */
  body<Ctx>(exchange: Exchange<Ctx>, chunk: Uint8Array): boolean {
    const bytes = this.translate(exchange, () => this.translator.onBody(chunk, false))
    if (bytes === undefined) return true
    const { head } = this.translator
    if (head === undefined) return true
    if (!this.started) {
      this.started = true
      relayHead(exchange, head)
    }
    return exchange.over || relayBody(exchange, bytes)
  }

  end<Ctx>(exchange: Exchange<Ctx>): void {
    const bytes = this.translate(exchange, () => this.translator.onBody(NOTHING, true))
    if (bytes !== undefined) this.finish(exchange, bytes)
  }

  /** What was not begun before its end leaves in one write. */
  private finish<Ctx>(exchange: Exchange<Ctx>, bytes: Uint8Array): void {
    const { head } = this.translator
    if (this.started) {
      if (bytes.length > 0) relayBody(exchange, bytes)
      relayEnd(exchange, '')
    } else if (head !== undefined) relayWhole(exchange, head, latin1TextOf(bytes), '')
    else fail(exchange, new ProxyError('PHASE_FAILED', 'internal', 500, 'a translator made no response'))
  }

  /** undefined: it failed, and the exchange is over. */
  private translate<Ctx>(exchange: Exchange<Ctx>, step: () => Uint8Array): Uint8Array | undefined {
    if (exchange.over) return undefined
    try {
      return step()
    } catch (cause) {
      fail(exchange, ProxyError.fromPhase('the translation of the response', cause))
      return undefined
    }
  }
}

const NOTHING = new Uint8Array(0)

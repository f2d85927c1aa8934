import type { RequestContext } from '../../request-context.ts'
import { LuaError, type LuaValue } from './lua-values.ts'

/** Rounds of all loops of one filling in, together: some 50 ms. Loops within loops over a stranger's lists would go on for hours. */
export const MAX_ROUNDS = 1_000_000

/** What a template is filled in with, and what came of it so far. */
export class Frame {
  /** What the body was decoded to. */
  readonly input: LuaValue
  /** The body as text. */
  readonly body: string | undefined
  readonly ctx: RequestContext
  readonly locals: LuaValue[] = []
  output = ''
  private rounds = 0
  private readonly maxLength: number

  constructor(input: LuaValue, body: string | undefined, ctx: RequestContext, maxLength: number) {
    this.input = input
    this.body = body
    this.ctx = ctx
    this.maxLength = maxLength
  }

  write(text: string): void {
    this.output = this.bounded(this.output + text)
  }

  bounded(text: string): string {
    if (text.length > this.maxLength) throw new LuaError(`the result is larger than ${this.maxLength} bytes`)
    return text
  }

  countRound(): void {
    if (++this.rounds > MAX_ROUNDS) throw new LuaError(`more than ${MAX_ROUNDS.toLocaleString('en')} rounds of loops`)
  }
}

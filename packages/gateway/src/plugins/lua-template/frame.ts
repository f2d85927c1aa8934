import type { RequestContext } from '../../request-context.ts'
import { LuaError, type LuaValue } from './lua-values.ts'

/** Rounds of all loops of one filling in, together: some 50 ms. Loops within loops over a stranger's lists would go on for hours. */
export const MAX_ROUNDS = 1_000_000

/** Characters that functions and operators look at or make in one filling in: some 100 ms. Long texts in loops would go on for hours as well. */
export const MAX_WORK = 16_777_216
/** Or so many times the characters that the result may have, if that is more. */
const WORK_FOR_RESULT = 4

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
  private work = 0
  private readonly maxLength: number
  private readonly maxWork: number

  constructor(input: LuaValue, body: string | undefined, ctx: RequestContext, maxLength: number) {
    this.input = input
    this.body = body
    this.ctx = ctx
    this.maxLength = maxLength
    this.maxWork = Math.max(MAX_WORK, WORK_FOR_RESULT * maxLength)
  }

  write(text: string): void {
    this.output = this.bounded(this.output + text)
  }

  bounded(text: string): string {
    if (text.length > this.maxLength) throw new LuaError(`the result is larger than ${this.maxLength} bytes`)
    return text
  }

  /** Counts the length of a text that is worked on. */
  charge(value: LuaValue): LuaValue {
    if (typeof value !== 'string') return value
    this.work += value.length
    if (this.work > this.maxWork)
      throw new LuaError(`more than ${this.maxWork.toLocaleString('en')} characters to work on`)
    return value
  }

  countRound(): void {
    if (++this.rounds > MAX_ROUNDS) throw new LuaError(`more than ${MAX_ROUNDS.toLocaleString('en')} rounds of loops`)
  }
}

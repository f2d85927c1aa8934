import { TemplateError } from './template-error.ts'
import type { Token } from './tokens.ts'

/** Reads tokens one after the other. */
export class TokenReader {
  readonly source: string
  private readonly tokens: readonly Token[]
  private readonly end: number
  private at = 0

  constructor(source: string, tokens: readonly Token[], end: number) {
    this.source = source
    this.tokens = tokens
    this.end = end
  }

  get atEnd(): boolean {
    return this.at >= this.tokens.length
  }

  get offset(): number {
    return this.tokens[this.at]?.offset ?? this.end
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead]
  }

  next(): Token {
    const token = this.tokens[this.at]
    if (token === undefined) throw this.error('ends here, where more is expected')
    this.at++
    return token
  }

  /** Whether the next token is this keyword or operator. */
  is(value: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token !== undefined && (token.kind === 'keyword' || token.kind === 'operator') && token.value === value
  }

  take(value: string): boolean {
    if (!this.is(value)) return false
    this.at++
    return true
  }

  expect(value: string): void {
    if (!this.take(value)) throw this.error(`"${value}" is expected${this.found()}`)
  }

  name(): string {
    const token = this.peek()
    if (token?.kind !== 'name') throw this.error(`a name is expected${this.found()}`)
    this.at++
    return token.value as string
  }

  found(): string {
    const token = this.peek()
    return token === undefined ? '' : `, not ${JSON.stringify(token.value)}`
  }

  error(problem: string, offset = this.offset): TemplateError {
    return new TemplateError(this.source, offset, problem)
  }
}

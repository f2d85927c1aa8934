/** An expression that cannot mean anything. */
export class ExpressionError extends Error {
  /** Where, within the expression: a JSON pointer (RFC 6901) such as `/1/2`; empty for the whole. */
  readonly pointer: string
  /** What is wrong and what would be right, without the place. */
  readonly reason: string

  constructor(pointer: string, reason: string) {
    super(pointer === '' ? reason : `${pointer}: ${reason}`)
    this.name = 'ExpressionError'
    this.pointer = pointer
    this.reason = reason
  }
}

/** A value as it is quoted in an error: JSON, cut at 60 characters so that a message stays a line. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

import { Format } from 'typebox/format'

/** Characters of a text that an expression looks at: it is known to be quick on so many (see expressions/backtracking). */
export const MAX_CHECKED_LENGTH = 8_192

/** A text is too long for an expression. It is neither right nor wrong: behind a `not`, wrong would be right. */
export class TextTooLong extends Error {
  constructor() {
    super(
      `has a text of more than ${MAX_CHECKED_LENGTH.toLocaleString('en')} characters where a pattern or format is asked for`,
    )
  }
}

/** What stands for `pattern` in a compiled schema: only `test` is called. */
export class CheckedText extends RegExp {
  /** For messages: `format "email"`. */
  readonly label: string
  private readonly fits: (text: string) => boolean
  private readonly maxLength: number

  private constructor(label: string, fits: (text: string) => boolean, maxLength: number) {
    super('')
    this.label = label
    this.fits = fits
    this.maxLength = maxLength
  }

  static pattern(written: string, compiled: RegExp): CheckedText {
    // Without a repetition or a choice the time cannot grow faster than the text.
    const isSimple = !/[*+?{|]/.test(compiled.source)
    return new CheckedText(
      `pattern ${JSON.stringify(written)}`,
      (text) => compiled.test(text),
      isSimple ? Infinity : MAX_CHECKED_LENGTH,
    )
  }

  static format(name: string): CheckedText {
    return new CheckedText(`format "${name}"`, (text) => Format.Test(name, text), MAX_CHECKED_LENGTH)
  }

  /** @throws TextTooLong */
  override test(text: string): boolean {
    if (text.length > this.maxLength) throw new TextTooLong()
    return this.fits(text)
  }
}

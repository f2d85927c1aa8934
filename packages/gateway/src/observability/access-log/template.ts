/** A text with variables: `literals[0] names[0] literals[1] names[1] … literals[n]`. */
export interface Template {
  readonly literals: readonly string[]
  readonly names: readonly string[]
}

/** What is wrong with a log format, and where. */
export class LogFormatError extends Error {
  /** Where in a map of fields, as a JSON pointer (RFC 6901); empty for a text. */
  readonly pointer: string

  constructor(message: string, pointer = '') {
    super(message)
    this.name = 'LogFormatError'
    this.pointer = pointer
  }
}

/**
 * Reads nginx's `$name` (letters, digits, `_`) and `${name}` (anything up to the brace: APISIX has variables such as
 * `post_arg.user.id`). nginx knows no way to write a `$` that begins no variable, so that one is an error here too.
 *
 * @throws LogFormatError
 */
export function parseTemplate(text: string, pointer = ''): Template {
  const literals: string[] = []
  const names: string[] = []
  const variable = /\$(?:([A-Za-z0-9_]+)|\{([^{}$]+)\})/y
  let from = 0
  for (let at = text.indexOf('$'); at >= 0; at = text.indexOf('$', from)) {
    variable.lastIndex = at
    const match = variable.exec(text)
    if (match === null) {
      throw new LogFormatError(`'$' at character ${at + 1} begins no variable: write $name or \${name}`, pointer)
    }
    literals.push(text.slice(from, at))
    names.push(match[1] ?? match[2])
    from = variable.lastIndex
  }
  literals.push(text.slice(from))
  return { literals, names }
}

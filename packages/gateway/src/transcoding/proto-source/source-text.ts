import type { ProtoProblem } from './proto-problem.ts'

/** An import statement. */
export interface ImportStatement {
  readonly name: string
  readonly isPublic: boolean
  /** Index of the name in the source. */
  readonly at: number
}

/**
 * The text of a source, for what protobufjs does not tell: where something stands, the syntax, which imports are public. Comments are
 * blanked out, so that places stay.
 */
export class SourceText {
  readonly name: string
  private readonly code: string

  constructor(name: string, text: string) {
    this.name = name
    this.code = withoutComments(text)
  }

  /** `proto2`, `proto3` or an edition as `2023`. */
  get syntax(): string {
    return /\b(?:syntax|edition)\s*=\s*(["'])([^"']*)\1/.exec(this.code)?.[2] ?? 'proto2'
  }

  get imports(): ImportStatement[] {
    const statements = this.code.matchAll(/\bimport\s+(?:(public|weak)\s+)?(["'])([^"'\n]*)\2/g)
    return [...statements].map(({ 0: whole, 1: kind, 3: name, index }) => ({
      name,
      isPublic: kind === 'public',
      at: index + whole.length - name.length - 1,
    }))
  }

  /** A problem at the first place where this name stands as a word. `after` narrows: the name behind that one. */
  problemAtName(name: string, message: string, after?: string): ProtoProblem {
    const start = after === undefined ? 0 : Math.max(0, this.code.search(word(after)))
    const found = this.code.slice(start).search(word(name))
    return found < 0 ? { file: this.name, line: 0, column: 0, message } : this.problemAt(start + found, message)
  }

  problemAt(index: number, message: string): ProtoProblem {
    const before = this.code.slice(0, index)
    const line = before.split('\n').length
    return { file: this.name, line, column: index - before.lastIndexOf('\n'), message }
  }

  /** A problem with a token of which only the line is known, or a later one: tokens are read ahead. */
  problemAtToken(token: string, line: number, message: string): ProtoProblem {
    const lines = this.code.split('\n').slice(0, line)
    if (token === '') return { file: this.name, line, column: (lines[line - 1] ?? '').length + 1, message }
    for (let at = lines.length - 1; at >= 0; at--) {
      const found = lines[at].search(/^\w/.test(token) ? word(token) : literal(token))
      if (found >= 0) return { file: this.name, line: at + 1, column: found + 1, message }
      if (lines[at].trim() !== '' && at < line - 1) break
    }
    return { file: this.name, line, column: 1, message }
  }
}

const literal = (text: string): RegExp => new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
const word = (text: string): RegExp => new RegExp(`(?<![\\w.])${literal(text).source}(?![\\w])`)

/** Comments become blanks; strings stay. */
const withoutComments = (text: string): string =>
  text.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, (part) =>
    part.startsWith('/') ? part.replace(/[^\n]/g, ' ') : part,
  )

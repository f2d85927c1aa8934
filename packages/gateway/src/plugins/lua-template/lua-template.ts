import type { RequestContext } from '../../request-context.ts'
import { ExpressionParser, REMEDY, type Read } from './expressions.ts'
import { Frame } from './frame.ts'
import { escapeHtml } from './functions.ts'
import { isTable, isTrue, LuaError, lengthOf, type LuaValue, member, numberOf, textOf, typeOf } from './lua-values.ts'
import { type Segment, segmentsOf } from './segments.ts'
import { TemplateError } from './template-error.ts'
import { TokenReader } from './token-reader.ts'
import { tokensOf } from './tokens.ts'

type Run = (frame: Frame) => void

/**
 * A template of lua-resty-template, as far as its Lua is expressions, `if`, `for` and `local`. Compiled once; what it cannot be is refused then.
 * Filling in is bounded in time and in what comes of it.
 */
export class LuaTemplate {
  private readonly run: Run

  /** @throws TemplateError */
  constructor(source: string) {
    this.run = new TemplateParser(source).parse()
  }

  /**
   * @param input what the body was decoded to
   * @param maxLength characters of the result
   * @throws LuaError for what cannot be done with these values
   */
  render(input: LuaValue, body: string | undefined, ctx: RequestContext, maxLength: number): string {
    const frame = new Frame(input, body, ctx, maxLength)
    this.run(frame)
    return frame.output
  }
}

const MAX_DEPTH = 100

/** Statements of Lua may begin in one `{%…%}` and end in another: what is between them is a statement as well, that writes. */
class TemplateParser {
  private readonly source: string
  private readonly segments: readonly Segment[]
  private at = 0
  /** Of the current `{%…%}`. */
  private reader: TokenReader | undefined
  /** Names of the local variables in force; their index is their slot. */
  private readonly locals: string[] = []
  private depth = 0

  constructor(source: string) {
    this.source = source
    this.segments = segmentsOf(source)
  }

  parse(): Run {
    const run = this.block()
    if (this.reader !== undefined)
      throw this.reader.error(`there is nothing here for "${this.reader.next().value}" to end`)
    return run
  }

  /** Statements up to `end`, `else`, `elseif` or the end of the template. */
  private block(): Run {
    if (++this.depth > MAX_DEPTH)
      throw new TemplateError(this.source, this.reader?.offset ?? 0, `more than ${MAX_DEPTH} blocks within each other`)
    const runs: Run[] = []
    const known = this.locals.length
    for (;;) {
      const { reader } = this
      if (reader !== undefined && !reader.atEnd) {
        if (reader.is('end') || reader.is('else') || reader.is('elseif')) break
        if (!reader.take(';')) runs.push(this.statement(reader))
        continue
      }
      this.reader = undefined
      const segment = this.segments[this.at++]
      if (segment === undefined) break
      if (segment.kind === 'code') this.reader = this.readerOf(segment)
      else runs.push(this.written(segment))
    }
    this.locals.length = known
    this.depth--
    if (runs.length === 1) return runs[0]
    return (frame) => {
      for (const run of runs) run(frame)
    }
  }

  private readerOf({ start, end }: { readonly start: number; readonly end: number }): TokenReader {
    return new TokenReader(this.source, tokensOf(this.source, start, end), end)
  }

  private written(segment: Exclude<Segment, { kind: 'code' }>): Run {
    if (segment.kind === 'text') return (frame) => frame.write(segment.text)
    const reader = this.readerOf(segment)
    if (reader.atEnd)
      throw new TemplateError(this.source, segment.start, 'there is nothing between these brackets; name a value')
    const value = this.expression(reader)
    if (!reader.atEnd) throw reader.error(`one value is expected${reader.found()}`)
    const { escapes, start } = segment
    return (frame) => {
      const text = this.locating(start, () => textOf(value(frame)))
      frame.write(escapes ? escapeHtml(text) : text)
    }
  }

  /** What fails says where in the template. */
  private locating<T>(offset: number, read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof LuaError) throw new LuaError(new TemplateError(this.source, offset, error.message).message)
      throw error
    }
  }

  private expression(reader: TokenReader): Read {
    return new ExpressionParser(reader, (name) => {
      const slot = this.locals.lastIndexOf(name)
      return slot < 0 ? undefined : slot
    }).parse()
  }

  private statement(reader: TokenReader): Run {
    if (reader.take('if')) return this.conditional(reader)
    if (reader.take('for')) return this.loop(reader)
    if (reader.take('local')) return this.declaration(reader)
    const problem = `templates here have "if", "for" and "local" alone, not ${JSON.stringify(reader.peek()?.value)}; ${REMEDY}`
    throw reader.error(problem)
  }

  private conditional(reader: TokenReader): Run {
    const cases: { readonly when: Read; readonly run: Run }[] = []
    let otherwise: Run | undefined
    let current = reader
    for (;;) {
      const { offset } = current
      const condition = this.expression(current)
      current.expect('then')
      cases.push({ when: (frame) => this.locating(offset, () => condition(frame)), run: this.block() })
      current = this.closing(offset, 'if')
      if (current.take('elseif')) continue
      if (current.take('else')) {
        otherwise = this.block()
        current = this.closing(offset, 'if')
      }
      current.expect('end')
      break
    }
    return (frame) => {
      for (const { when, run } of cases) if (isTrue(when(frame))) return run(frame)
      return otherwise?.(frame)
    }
  }

  private closing(offset: number, what: string): TokenReader {
    if (this.reader === undefined) throw new TemplateError(this.source, offset, `this "${what}" has no "end"`)
    return this.reader
  }

  private declaration(reader: TokenReader): Run {
    const { offset } = reader
    if (reader.is('function')) throw reader.error(`is a function, which templates here cannot have; ${REMEDY}`)
    const name = reader.name()
    reader.expect('=')
    const value = this.expression(reader)
    const slot = this.locals.push(name) - 1
    return (frame) => {
      frame.locals[slot] = this.locating(offset, () => value(frame))
    }
  }

  private loop(reader: TokenReader): Run {
    const { offset } = reader
    const names = [reader.name()]
    if (reader.take('=')) return this.counting(reader, offset, names[0])
    if (reader.take(',')) names.push(reader.name())
    reader.expect('in')
    const iterator = reader.name()
    if (iterator !== 'ipairs' && iterator !== 'pairs')
      throw reader.error(`a loop goes over ipairs(…) or pairs(…) here, not "${iterator}"; ${REMEDY}`, offset)
    reader.expect('(')
    const over = this.expression(reader)
    reader.expect(')')
    reader.expect('do')
    const [first, body] = this.loopBody(names, offset)
    return (frame) => {
      const table = this.locating(offset, () => tableOf(over(frame), iterator))
      const round = (key: LuaValue, value: LuaValue): void => {
        frame.countRound()
        frame.locals[first] = key
        frame.locals[first + 1] = value
        body(frame)
      }
      if (iterator === 'ipairs') {
        // As in Lua up to the first place where nothing is.
        for (let index = 1; index <= lengthOf(table); index++) {
          const value = member(table, index)
          if (value === undefined || value === null) break
          round(index, value)
        }
      } else if (Array.isArray(table)) for (const [index, value] of table.entries()) round(index + 1, value)
      else for (const [key, value] of Object.entries(table)) round(key, value)
    }
  }

  private counting(reader: TokenReader, offset: number, name: string): Run {
    const bounds = [this.expression(reader)]
    while (bounds.length < 3 && reader.take(',')) bounds.push(this.expression(reader))
    if (bounds.length < 2) throw reader.error('a loop needs where it ends: for i = 1, 10 do')
    reader.expect('do')
    const [slot, body] = this.loopBody([name], offset)
    return (frame) => {
      const [from, to, step = 1] = bounds.map((bound) => this.locating(offset, () => boundOf(bound(frame))))
      for (let at = from; step > 0 ? at <= to : at >= to; at += step) {
        frame.countRound()
        frame.locals[slot] = at
        body(frame)
      }
    }
  }

  /** @returns the slot of the first variable, and what is done with each */
  private loopBody(names: readonly string[], offset: number): [slot: number, body: Run] {
    const slot = this.locals.length
    // Two slots even for one name: both are written.
    this.locals.push(names[0], names[1] ?? '')
    const body = this.block()
    this.locals.length = slot
    this.closing(offset, 'for').expect('end')
    return [slot, body]
  }
}

function tableOf(value: LuaValue, iterator: string): object {
  if (isTable(value)) return value
  throw new LuaError(`${iterator} needs a list or an object, not ${typeOf(value)}`)
}

function boundOf(value: LuaValue): number {
  const bound = numberOf(value)
  if (bound === undefined) throw new LuaError(`a loop needs numbers, not ${typeOf(value)}`)
  return bound
}

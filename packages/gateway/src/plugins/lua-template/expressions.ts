import { isVariable, variableReader } from '../../variables/variables.ts'
import type { Frame } from './frame.ts'
import { FUNCTION_NAMES, functionOf, methodOf, type LuaFunction } from './functions.ts'
import {
  calculate,
  equal,
  isTable,
  isTrue,
  lengthOf,
  less,
  LuaError,
  type LuaValue,
  member,
  textOf,
  typeOf,
} from './lua-values.ts'
import type { TokenReader } from './token-reader.ts'

export type Read = (frame: Frame) => LuaValue
/** The place of a local variable among those of the frame, innermost first. */
export type FindLocal = (name: string) => number | undefined

/** What to do instead, in messages. */
export const REMEDY = 'do it in JavaScript, by serverless-pre-function or a plugin'

const PRIORITIES: Readonly<Record<string, readonly [left: number, right: number]>> = {
  or: [1, 1],
  and: [2, 2],
  '<': [3, 3],
  '>': [3, 3],
  '<=': [3, 3],
  '>=': [3, 3],
  '~=': [3, 3],
  '==': [3, 3],
  // Right to left.
  '..': [5, 4],
  '+': [6, 6],
  '-': [6, 6],
  '*': [7, 7],
  '/': [7, 7],
  '%': [7, 7],
  '^': [10, 9],
}
const UNARY = 8
const MAX_DEPTH = 100

/** Parses a Lua expression to a function, as far as templates need it. @throws TemplateError */
export class ExpressionParser {
  private readonly reader: TokenReader
  private readonly local: FindLocal
  private depth = 0

  constructor(reader: TokenReader, local: FindLocal) {
    this.reader = reader
    this.local = local
  }

  parse(limit = 0): Read {
    if (++this.depth > MAX_DEPTH) throw this.reader.error(`more than ${MAX_DEPTH} expressions within each other`)
    let left = this.unary()
    for (;;) {
      const token = this.reader.peek()
      const priority = token === undefined || token.kind === 'string' ? undefined : PRIORITIES[String(token.value)]
      if (priority === undefined || priority[0] <= limit) break
      this.reader.next()
      left = binary(String(token!.value), left, this.parse(priority[1]))
    }
    this.depth--
    return left
  }

  private unary(): Read {
    const { reader } = this
    if (reader.take('not')) {
      const value = this.parse(UNARY)
      return (frame) => !isTrue(value(frame))
    }
    if (reader.take('#')) {
      const value = this.parse(UNARY)
      return (frame) => lengthOf(frame.charge(value(frame)))
    }
    if (reader.take('-')) {
      const value = this.parse(UNARY)
      return (frame) => calculate('-', 0, value(frame))
    }
    return this.suffixed()
  }

  /** A value with what is asked of it: `a.b["c"][1]:upper()`. */
  private suffixed(): Read {
    const { reader } = this
    const { offset } = reader
    let [value, path] = this.primary()
    for (;;) {
      if (reader.take('.')) {
        const name = reader.name()
        path = path === undefined ? undefined : `${path}.${name}`
        if (path?.startsWith('_ctx.') === true) {
          value = this.request(path, offset)
          if (path !== '_ctx.var') path = undefined
        } else if (path !== undefined && functionOf(path) !== undefined) value = this.mustCall(path, offset)
        else value = reading(value, () => name)
      } else if (reader.take('[')) {
        const key = this.parse()
        reader.expect(']')
        if (path === '_ctx.var') {
          value = (frame) => frame.ctx.variable(textOf(key(frame)))
        } else value = reading(value, key)
        path = undefined
      } else if (reader.is('(')) {
        if (path === undefined)
          throw reader.error(`calls something; templates here call ${FUNCTION_NAMES} alone; ${REMEDY}`)
        value = this.call(path, offset)
        path = undefined
      } else if (reader.take(':')) {
        const name = reader.name()
        const method = methodOf(name)
        if (method === undefined)
          throw reader.error(`":${name}" is not a method that templates here have; ${REMEDY}`, offset)
        const values = this.values()
        const self = value
        value = calling(method, [self, ...values])
        path = undefined
      } else if (path === '_ctx' || path === '_ctx.var') {
        throw reader.error('"_ctx.var" needs the name of a variable: _ctx.var.remote_addr', offset)
      } else return value
    }
  }

  private primary(): [Read, path: string | undefined] {
    const { reader } = this
    const token = reader.next()
    if (token.kind === 'string' || token.kind === 'number') return [() => token.value, undefined]
    if (token.kind === 'name') return this.named(String(token.value), token.offset)
    switch (token.value) {
      case 'true':
        return [() => true, undefined]
      case 'false':
        return [() => false, undefined]
      case 'nil':
        return [() => undefined, undefined]
      case '(': {
        const value = this.parse()
        reader.expect(')')
        return [value, undefined]
      }
      case '{':
        throw reader.error(`makes a table, which templates here do not; ${REMEDY}`, token.offset)
      case 'function':
        throw reader.error(`is a function, which templates here cannot have; ${REMEDY}`, token.offset)
      default:
        throw reader.error(`a value is expected, not ${JSON.stringify(token.value)}`, token.offset)
    }
  }

  private named(name: string, offset: number): [Read, path: string | undefined] {
    const slot = this.local(name)
    if (slot !== undefined) return [(frame) => frame.locals[slot], undefined]
    if (name === '_body') return [({ body }) => body, undefined]
    if (name === 'context') return [({ input }) => input, undefined]
    if (name === '_multipart')
      throw this.reader.error(
        `"_multipart" is an object of Lua; the fields of a form are there by their names, or ${REMEDY}`,
        offset,
      )
    if (functionOf(name) !== undefined && !this.reader.is('(') && name.startsWith('_escape'))
      return [this.mustCall(name, offset), undefined]
    // A name that no body can take the place of.
    if (name === '_ctx' || this.reader.is('(')) return [() => undefined, name]
    return [({ input }) => (isTable(input) ? member(input, name) : undefined), name]
  }

  private mustCall(name: string, offset: number): Read {
    if (!this.reader.is('(')) throw this.reader.error(`"${name}" is a function: call it, as ${name}(x)`, offset)
    return () => undefined
  }

  private call(name: string, offset: number): Read {
    const called = functionOf(name)
    if (called === undefined) {
      const problem = `"${name}" is not among the functions that templates here may call: ${FUNCTION_NAMES}; ${REMEDY}`
      throw this.reader.error(problem, offset)
    }
    return calling(called, this.values())
  }

  private values(): Read[] {
    const { reader } = this
    reader.expect('(')
    const values: Read[] = []
    while (!reader.take(')')) {
      if (values.length > 0) reader.expect(',')
      values.push(this.parse())
    }
    return values
  }

  /** `_ctx.var.NAME` */
  private request(path: string, offset: number): Read {
    const [, , name] = path.split('.')
    if (!path.startsWith('_ctx.var')) {
      throw this.reader.error(`"${path}" is not here; of _ctx there are variables, as _ctx.var.remote_addr`, offset)
    }
    if (name === undefined) return () => undefined
    if (!isVariable(name)) {
      throw this.reader.error(`there is no variable "${name}"; the table in routing.md has those there are`, offset)
    }
    const read = variableReader(name)
    return ({ ctx }) => read(ctx)
  }
}

const reading =
  (of: Read, key: Read): Read =>
  (frame) =>
    member(of(frame), key(frame))

const calling =
  (called: LuaFunction, values: readonly Read[]): Read =>
  (frame) =>
    frame.charge(called(...values.map((one) => frame.charge(one(frame)))))

function binary(operator: string, first: Read, second: Read): Read {
  const isChoice = operator === 'and' || operator === 'or'
  const left: Read = isChoice ? first : (frame) => frame.charge(first(frame))
  const right: Read = isChoice ? second : (frame) => frame.charge(second(frame))
  switch (operator) {
    case 'or':
      return (frame) => {
        const value = left(frame)
        return isTrue(value) ? value : right(frame)
      }
    case 'and':
      return (frame) => {
        const value = left(frame)
        return isTrue(value) ? right(frame) : value
      }
    case '==':
      return (frame) => equal(left(frame), right(frame))
    case '~=':
      return (frame) => !equal(left(frame), right(frame))
    case '<':
      return (frame) => less(left(frame), right(frame))
    case '>':
      return (frame) => less(right(frame), left(frame))
    case '<=':
      return (frame) => !less(right(frame), left(frame))
    case '>=':
      return (frame) => !less(left(frame), right(frame))
    case '..':
      return (frame) => frame.bounded(joinable(left(frame)) + joinable(right(frame)))
    default:
      return (frame) => calculate(operator, left(frame), right(frame))
  }
}

function joinable(value: LuaValue): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw new LuaError(`${typeOf(value)} cannot be joined with ".."; write (x or "")`)
}

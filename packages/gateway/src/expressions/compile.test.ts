import { describe, expect, it } from 'vitest'
import { compileExpression } from './compile.ts'
import { ExpressionError } from './expression-error.ts'

const variables: Record<string, string | number> = {
  arg_name: 'json',
  arg_weight: '12',
  arg_hex: '0x10',
  arg_blank: ' ',
  remote_addr: '192.168.3.4',
  mapped: '::ffff:10.0.0.1',
  server_port: 8080,
  http_accept_encoding: 'br;q=1, gzip ,deflate',
}
const request = { variable: (name: string) => variables[name] }
const test = (vars: unknown): boolean => compileExpression(vars)(request)

describe('operators', () => {
  it.each([
    [['arg_name', '==', 'json'], true],
    [['arg_name', '==', 'JSON'], false],
    [['arg_name', 'json'], true],
    [['arg_weight', 12], true],
    [['arg_weight', '==', 12], true],
    [['arg_weight', '==', '12'], true],
    [['arg_weight', '==', '12.0'], false],
    [['arg_weight', '==', 12.5], false],
    [['arg_name', '==', 0], false],
    [['arg_blank', '==', 0], false],
    [['arg_hex', '==', 16], true],
    [['server_port', '==', '8080'], true],
    [['server_port', '==', 8080], true],
    [['arg_none', '==', null], true],
    [['arg_name', '==', null], false],
    [['arg_name', '~=', 'json'], false],
    [['arg_none', '~=', 'json'], true],
    [['arg_name', '~=', 3], true],
    [['arg_none', '~=', null], false],
    [['arg_name', '~=', null], true],
    [['arg_weight', '>', 11], true],
    [['arg_weight', '>', '11'], true],
    [['arg_weight', '>', 12], false],
    [['arg_weight', '>=', 12], true],
    [['arg_weight', '<', 13], true],
    [['arg_weight', '<', 12], false],
    [['arg_weight', '<=', 12], true],
    [['arg_name', '<', 5], false],
    [['arg_none', '<', 5], false],
    [['arg_blank', '<', 5], false],
    [['arg_name', '~~', '^js'], true],
    [['arg_name', '~~', '^JS'], false],
    [['arg_name', '~*', '^JS'], true],
    [['arg_none', '~~', '.*'], false],
    [['server_port', '~~', '^80'], true],
    [['arg_weight', '~~', 1], true],
    [['arg_name', 'in', ['xml', 'json']], true],
    [['arg_name', 'IN', ['xml']], false],
    [['arg_name', 'in', []], false],
    [['arg_weight', 'in', [12]], false],
    [['arg_weight', 'in', ['12']], true],
    [['server_port', 'in', ['8080']], true],
    [['server_port', 'in', [8080]], true],
    [['arg_none', 'in', ['x']], false],
    [['http_accept_encoding', 'has', 'gzip'], true],
    [['http_accept_encoding', 'has', 'deflate'], true],
    [['http_accept_encoding', 'has', 'br'], false],
    [['http_accept_encoding', 'has', 'zip'], false],
    [['arg_name', 'has', 'json'], true],
    [['server_port', 'has', 8080], true],
    [['arg_none', 'has', 'json'], false],
    [['remote_addr', 'ipmatch', '192.168.0.0/16'], true],
    [['remote_addr', 'ipmatch', ['10.0.0.0/8', '192.168.3.4']], true],
    [['remote_addr', 'ipmatch', ['10.0.0.0/8']], false],
    [['mapped', 'ipmatch', '10.0.0.0/8'], true],
    [['arg_name', 'ipmatch', '0.0.0.0/0'], false],
    [['arg_none', 'ipmatch', '0.0.0.0/0'], false],
  ])('%j is %j', (comparison, expected) => {
    expect(test([comparison])).toBe(expected)
    if (comparison.length < 3) return
    const [name, ...rest] = comparison as unknown[]
    expect(test([[name, '!', ...rest]])).toBe(!expected)
  })
})

describe('logic', () => {
  const yes = ['arg_name', '==', 'json']
  const no = ['arg_name', '==', 'xml']

  it.each([
    [[], true],
    [[yes], true],
    [[yes, yes], true],
    [[yes, no], false],
    [['OR', yes, no], true],
    [['or', no, no], false],
    [['AND', yes, yes], true],
    [['and', yes, no], false],
    [['!OR', no, no], true],
    [['!or', no, yes], false],
    [['!AND', yes, no], true],
    [['!And', yes, yes], false],
    [['AND', yes, ['!OR', no, ['AND', no, yes]]], true],
    [[yes, ['OR', no, ['!AND', yes, no]]], true],
    [['OR', [yes, no], [yes, yes]], true],
  ])('%j is %j', (vars, expected) => {
    expect(test(vars)).toBe(expected)
  })

  it('stops at the first part that decides', () => {
    const asked: string[] = []
    const source = {
      variable(name: string) {
        asked.push(name)
        return undefined
      },
    }
    compileExpression([
      ['a', 1],
      ['b', 1],
    ])(source)
    compileExpression(['OR', ['c', null], ['d', null]])(source)
    expect(asked).toEqual(['a', 'c'])
  })
})

describe('errors', () => {
  it.each([
    [{}, '', '{} is not a list; write [["arg_name", "==", "json"]]'],
    [
      ['arg_name', '==', 'json'],
      '',
      'a single expression stands in a list of its own; write [["arg_name","==","json"]]',
    ],
    [[['arg_name', '=', 'json']], '/0/1', 'invalid operator "="; operators are == ~= > >= < <= ~~ ~* in has ipmatch'],
    [
      [
        ['a', 1],
        ['b', 'x', 'y', 'z'],
      ],
      '/1/1',
      'four elements are a negation; write ["b","!","y","z"]',
    ],
    [[['a']], '/0', 'is not [variable, operator, value]: a value is missing; for a missing variable, write null'],
    [[['a', '==']], '/0', 'is not [variable, operator, value]: a value is missing; for a missing variable, write null'],
    [
      [['a', '!', '==']],
      '/0',
      'is not [variable, operator, value]: a value is missing; for a missing variable, write null',
    ],
    [[['a', '!', '==', 1, 2]], '/0', 'is not [variable, operator, value]: there is something after the value'],
    [[['a', 3, 4]], '/0/1', '3 is not an operator'],
    [[[3, '==', 4]], '/0/0', '3 is not the name of a variable; write "arg_name", "http_host", …'],
    [[['a', 1], 'OR'], '/1', '"OR" is not an expression; write ["arg_name", "==", "json"]'],
    [[[]], '/0', 'is empty; write ["arg_name", "==", "json"]'],
    [['OR', ['a', 1]], '', '"OR" needs two or more expressions after it'],
    [['OR', ['a', 1], ['AND', ['b', 1]]], '/2', '"AND" needs two or more expressions after it'],
    [['OR', ['a', 1], ['b', '>', 'x']], '/2/2', '> compares numbers; "x" is none'],
    [[['a', '==', true]], '/0/2', 'true equals no variable; write "true"'],
    [[['a', '==', ['x']]], '/0/2', '["x"] equals no variable; write text, a number or null'],
    [[['a', 'in', 'x']], '/0/2', '"in" needs a list; write ["x"]'],
    [[['a', 'in', ['x', null]]], '/0/2/1', 'null is neither text nor a number'],
    [[['a', 'has', ['x']]], '/0/2', '"has" looks for one member; ["x"] is neither text nor a number'],
    [[['a', '~~', ['x']]], '/0/2', '["x"] is not text; write a regular expression'],
    [[['a', '!', '~~', '(']], '/0/3', 'is not a regular expression that JavaScript can run: /(/: Unterminated group'],
    [
      [['a', 'ipmatch', ['::1', '1.2.3']]],
      '/0/2/1',
      '"1.2.3" is not an IP address or network; write it as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32',
    ],
    [[['a', 'ipmatch', 3]], '/0/2', '3 is not an IP address or network'],
  ])('%j', (vars, pointer, reason) => {
    let thrown: unknown
    try {
      compileExpression(vars)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ExpressionError)
    expect(thrown).toMatchObject({ pointer, message: pointer === '' ? reason : `${pointer}: ${reason}` })
  })

  it('refuses nesting without end', () => {
    let vars: unknown = ['a', 1]
    for (let level = 0; level < 40; level++) vars = [vars]
    expect(() => compileExpression(vars)).toThrow('is nested more than 32 levels deep')
  })
})

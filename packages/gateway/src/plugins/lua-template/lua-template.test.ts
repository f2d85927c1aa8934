import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TestSession } from '../testing/mounted.ts'
import { LuaTemplate } from './lua-template.ts'
import { LuaError } from './lua-values.ts'
import { TemplateError } from './template-error.ts'

const MAX_LENGTH = 10_000
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

const render = (source: string, input: unknown = {}, body?: string): string =>
  new LuaTemplate(source).render(input, body, new TestSession('/a?x=1').ctx, MAX_LENGTH)

describe('LuaTemplate', () => {
  it.each([
    ['plain { text } %} }}', {}, 'plain { text } %} }}'],
    ['{{a}}|{*a*}', { a: `<&"'/>` }, `&lt;&amp;&quot;&#39;&#47;&gt;|<&"'/>`],
    ['{{missing}}|{*null*}', { null: null }, '|'],
    ['{*a.b[2].c*}', { a: { b: [{}, { c: 'x' }] } }, 'x'],
    ['{*a["b c"]*}{*context["a"]["b c"]*}', { a: { 'b c': 1 } }, '11'],
    ['{*context[1]*}', ['first'], 'first'],
    ['{# nothing #}\nnext', {}, 'next'],
    ['\\{{a}} \\\\{{a}}', { a: 1 }, '{{a}} \\1'],
    ['{*_escape_json(a)*}{*_escape_json(missing)*}', { a: { b: ['"', null] } }, '{"b":["\\"",null]}null'],
    ['{*_escape_xml(a)*}', { a: `<&"'>` }, '&lt;&amp;&quot;&apos;&gt;'],
    ['{*_ctx.var.arg_x*}{*_ctx.var["request_method"]*}{*_ctx.var["arg_" .. "x"]*}', {}, '1GET1'],
    ['{*_body*}', {}, 'the body'],
    ['{*1 + 2 * 3 ^ 2 - 4 / 2 % 3*}', {}, '17'],
    ['{*"1" + 1*} {*-2 ^ 2*} {*2 ^ 3 ^ 2*} {*5 % -3*}', {}, '2 -4 512 -1'],
    ['{*a or "none"*} {*b and "yes" or "no"*} {*not a*}', { b: 0 }, 'none yes true'],
    ['{*1 == "1"*} {*nil == null*} {*"a" < "b"*} {*a ~= 1*}', { null: null, a: 1 }, 'false true true false'],
    ['{*"a" .. 1 .. "b"*} {*#list*} {*#"é"*}', { list: [1, 2] }, 'a1b 2 2'],
    ['{*name:upper()*} {*string.sub(name, 2, -2)*} {*("x"):len()*}', { name: 'jack' }, 'JACK ac 1'],
    [
      '{*table.concat(list, ", ")*} {*type(list)*} {*tonumber("0x10")*} {*tostring(nil)*}',
      { list: ['a', 1] },
      'a, 1 table 16 nil',
    ],
    ['{*type*}', { type: 'a field of this name' }, 'a field of this name'],
    ['{*"a\\n\\"\\65"*}', {}, 'a\n"A'],
    ['a\n  {% if x then %}\nyes\n  {% end %}\nb', { x: true }, 'a\nyes\nb'],
    ['{% if x == 1 then %}1{% elseif x == 2 then %}2{% else %}other{% end %}', { x: 2 }, '2'],
    ['{% if x then %}a{% else %}b{% end %}', { x: '' }, 'a'],
    [
      '{% for i, x in ipairs(list) do %}{{i}}{{x.n}}{% if i < #list then %},{% end %}{% end %}',
      { list: [{ n: 'a' }, { n: 'b' }] },
      '1a,2b',
    ],
    ['{% for k, v in pairs(o) do %}{{k}}={{v}};{% end %}', { o: { a: 1, b: 2 } }, 'a=1;b=2;'],
    ['{% for _, v in pairs(list) do %}{{v}}{% end %}{% for i = 3, 1, -1 do %}{{i}}{% end %}', { list: ['x'] }, 'x321'],
    [
      '{% for _, a in ipairs(l) do for _, b in ipairs(a) do if b then %}{{b}}{% end end end -- done %}',
      { l: [[1, 2], [3]] },
      '123',
    ],
    ['{% local x = a; local y = x .. x %}{{y}}{% if true then local x = 9 %}{{x}}{% end %}{{x}}', { a: 1 }, '1191'],
  ])('%s', (source, input, expected) => {
    expect(render(source, input, 'the body')).toBe(expected)
  })

  it('sees nothing but what the input says itself', () => {
    const hostile = JSON.parse(
      '{"__proto__": {"a": "own"}, "_ctx": {"var": {"remote_addr": "forged"}}, "_body": "forged", "l": []}',
    ) as unknown
    expect(render('{*__proto__.a*}{*_ctx.var.remote_addr*}{*_body*}', hostile, 'b')).toBe('own192.0.2.1b')
    expect(
      render(
        '[{*constructor*}{*toString*}{*l.length*}{*l["push"]*}{*("x").length*}{*context.hasOwnProperty*}]',
        hostile,
      ),
    ).toBe('[]')
  })

  it.each([
    ['{{a}', {}, '{{a}'],
    ['{"a":{"b":[{"c":1}]}}', {}, '{"a":{"b":[{"c":1}]}}'],
    ['{ {[1]} {-1-}', {}, '{ {[1]} {-1-}'],
  ])('leaves %s as it is', (source, input, expected) => {
    expect(render(source, input)).toBe(expected)
  })

  it.each([
    ['a\n {{b c}}', 'line 2, column 6: one value is expected, not "c"'],
    ['{{}}', 'nothing between'],
    ['{% if a %}{% end %}', '"then" is expected'],
    ['{% if a then %}x', 'this "if" has no "end"'],
    ['{% for _, x in ipairs(a) do %}x', 'this "for" has no "end"'],
    ['{% end %}', 'nothing here for "end" to end'],
    ['{% while true do %}{% end %}', 'not "while"; do it in JavaScript'],
    ['{% local core = require("apisix.core") %}', '"require" is not among the functions'],
    ['{% local function f() end %}', 'functions? cannot|is a function'],
    ['{% a = 1 %}', 'not "a"; do it in JavaScript'],
    ['{% for w in string.gmatch(a, "x") do %}{% end %}', 'ipairs'],
    ['{{a:gsub("x", "y")}}', '":gsub" is not a method'],
    ['{{os.execute("ls")}}', '"os.execute" is not among the functions'],
    ['{{string.upper}}', 'call it'],
    ['{{_ctx.var.nothing_like_it}}', 'there is no variable "nothing_like_it"'],
    ['{{_ctx.matched_route}}', 'of _ctx there are variables'],
    ['{{_ctx}}', 'needs the name of a variable'],
    ['{*_multipart:tostring()*}', 'object of Lua'],
    ['{(header.html)}', 'includes another template'],
    ['{-block-}x{-block-}', 'is a block'],
    ['{{ {1} }}', 'makes a table'],

    ['{{a ? b}}', 'is not expected'],
  ])('refuses %s', (source, message) => {
    expect(() => new LuaTemplate(source)).toThrow(
      new RegExp(message.includes('|') ? message : message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')),
    )
  })

  it.each([
    ['{{a.b.c}}', {}, 'line 1, column 3: nil has no "b"'],
    ['{{a}}', { a: [] }, 'a list cannot be written as text'],
    ['{{a .. b}}', { a: 'x' }, 'nil cannot be joined'],
    ['{{a + 1}}', { a: 'x' }, 'string is no number'],
    ['{% if a < 1 then %}{% end %}', { a: '0' }, 'string cannot be compared with number'],
    ['{% for _, x in ipairs(a) do %}{% end %}', {}, 'ipairs needs a list or an object, not nil'],
    ['{% for _ = 2, 1, 0 do %}{% end %}', {}, 'rounds of loops'],
    ['{% for _ = 1, 1e9 do %}long text{% end %}', {}, 'the result is larger than'],
  ])('%s fails with what is wrong', (source, input, message) => {
    expect(() => render(source, input)).toThrow(message)
  })

  it('refuses what is nested too deeply', () => {
    for (const source of [
      `{{${'('.repeat(200)}1${')'.repeat(200)}}}`,
      '{% if a then %}'.repeat(200),
      `{{${'not '.repeat(5_000)}a}}`,
    ]) {
      expect(() => new LuaTemplate(source)).toThrow('within each other')
    }
  })

  it.each([
    '{% for _, a in ipairs(l) do local b = _escape_json(l) end %}',
    '{% for _, a in ipairs(l) do if _body == c then %}{% end end %}',
    '{% for _, a in ipairs(l) do if #_body == 0 then %}{% end end %}',
    '{% for _, a in ipairs(l) do local b = _body:upper() end %}',
  ])('ends long work in loops: %s', (source) => {
    const list = Array.from({ length: 100_000 }, () => 1)
    const body = 'a'.repeat(100_000)
    const before = performance.now()
    expect(() => render(source, { l: list, c: `${body.slice(1)}b` }, body)).toThrow('characters to work on')
    expect(performance.now() - before).toBeLessThan(5_000)
  })

  it('ends loops over loops over a long list', () => {
    const input = { l: Array.from({ length: 100_000 }, () => 1) }
    const source = '{% for _, a in ipairs(l) do for _, b in ipairs(l) do for _, c in ipairs(l) do end end end %}'
    const before = performance.now()
    expect(() => render(source, input)).toThrow('1,000,000 rounds')
    expect(performance.now() - before).toBeLessThan(2_000)
  })

  it(`is compiled and filled in, or says why not (SEED=${seed})`, () => {
    const token = fc.constantFrom(
      ...'{{ }} {% %} {* *} {# #} if then elseif else end for _ , x in ipairs pairs ( ) do local = == ~= < .. + - # not and or a b [ ] . : 1 "t" nil true _ctx var _body _escape_json context upper tostring'.split(
        ' ',
      ),
      'a.b',
      'if a then',
      'for _, x in ipairs(a) do',
      '_ctx.var.uri',
      '\n',
      '\\',
    )
    const value = fc.letrec<{ all: unknown }>((tie) => ({
      all: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, 0, 'x', ''),
        fc.array(tie('all'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', '1'), tie('all'), { maxKeys: 3 }),
      ),
    })).all
    let filled = 0
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), value, (tokens, input) => {
        try {
          expect(typeof render(tokens.join(' '), input)).toBe('string')
          filled++
        } catch (error) {
          if (!(error instanceof LuaError || error instanceof TemplateError)) throw error
          expect(error.message).not.toBe('')
        }
      }),
      { seed, numRuns: 5_000 },
    )
    expect(filled).toBeGreaterThan(500)
  })
})

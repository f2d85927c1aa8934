import { describe, expect, test } from 'vitest'
import type { VariableSource } from '../../expressions/index.ts'
import { compileFormat, type LogFields } from './format.ts'
import { LogClock } from './log-clock.ts'
import { LogFormatError } from './template.ts'

const source = (values: Record<string, string | number>): VariableSource => ({ variable: (name) => values[name] })
const clock = new LogClock(() => Date.UTC(2025, 10, 20, 18, 0, 0, 123))
const line = (format: string | LogFields, values: Record<string, string | number> = {}): string =>
  compileFormat(format, clock)(source(values))

const request = {
  remote_addr: '192.0.2.1',
  request: 'GET /a?b=1 HTTP/1.1',
  status: 200,
  body_bytes_sent: 33,
  http_user_agent: 'curl/8.5 "x"',
}

describe('text formats', () => {
  test('combined and common are as in nginx, with - for what is missing', () => {
    const common = `192.0.2.1 - - [${clock.local()}] "GET /a?b=1 HTTP/1.1" 200 33`
    expect(line('common', request)).toBe(common)
    expect(line('combined', request)).toBe(`${common} "-" "curl/8.5 \\x22x\\x22"`)
  })

  test('variables stand in $name and ${name}', () => {
    const values = { a: 1, b: 'two', 'post_arg.user.id': 'x' }
    expect(line('$a$b', values)).toBe('1two')
    expect(line('${a}b $b-$c', values)).toBe('1b two--')
    expect(line('<${post_arg.user.id}>\n', values)).toBe('<x>')
  })

  test('an empty value is empty, not missing', () => {
    expect(line('[$a] [$b]', { a: '' })).toBe('[] [-]')
  })

  test('nothing that a client sends can end a field or a line', () => {
    expect(line('"$a"', { a: '"\\\r\n\t\0\x7f' })).toBe('"\\x22\\x5C\\x0D\\x0A\\x09\\x00\\x7F"')
    // A byte of a header, and a character that is none: as UTF-8.
    expect(line('$a', { a: '\xe9' })).toBe('\\xE9')
    expect(line('$a', { a: '€\u{1f600}' })).toBe('\\xE2\\x82\\xAC\\xF0\\x9F\\x98\\x80')
  })

  test('$msec is the time in seconds', () => {
    expect(line('$msec')).toBe('1763661600.123')
  })

  test.each([
    ['cost: $', "'$' at character 7 begins no variable: write $name or ${name}"],
    ['$a ${b', "'$' at character 4 begins no variable: write $name or ${name}"],
    ['${}', "'$' at character 1 begins no variable: write $name or ${name}"],
    ['combind', "'combind' has no variable, and is none of combined, common, json"],
  ])('refuses %j', (format, message) => {
    expect(() => compileFormat(format)).toThrow(new LogFormatError(message))
  })
})

describe('JSON formats', () => {
  test('numbers stay numbers, what is missing is null, and mixed texts are strings', () => {
    const format = { status: '$status', zip: '$zip', missing: '$x', sum: '$status of $x', nan: '$nan' }
    expect(line(format, { status: 200, zip: '01234', nan: Number.NaN })).toBe(
      '{"status":200,"zip":"01234","missing":null,"sum":"200 of -","nan":null}',
    )
  })

  test('constants and objects within objects stay as they are', () => {
    const format = { service: 'gate"way', up: true, n: 1.5, upstream: { addr: '$upstream_addr', none: {} }, end: 'x' }
    expect(line(format, { upstream_addr: '10.0.0.1:80' })).toBe(
      '{"service":"gate\\"way","up":true,"n":1.5,"upstream":{"addr":"10.0.0.1:80","none":{}},"end":"x"}',
    )
    expect(line({})).toBe('{}')
  })

  test('any value gives JSON of one line that reads back the same', () => {
    for (let code = 0; code < 0x80; code++) {
      const value = `<${String.fromCharCode(code)}>`
      const text = line({ 'a"b': '$a' }, { a: value })
      expect(text).not.toContain('\n')
      expect(JSON.parse(text)).toEqual({ 'a"b': value })
    }
  })

  test('bytes that are UTF-8 are read as such, others as latin1', () => {
    const bytes = Buffer.from('café €').toString('latin1')
    expect(JSON.parse(line({ a: '$a' }, { a: bytes }))).toEqual({ a: 'café €' })
    expect(JSON.parse(line({ a: '$a' }, { a: 'caf\xe9' }))).toEqual({ a: 'café' })
    expect(JSON.parse(line({ a: '$a' }, { a: '€' }))).toEqual({ a: '€' })
  })

  test('the predefined one is JSON with numbers in it', () => {
    const fields = JSON.parse(line('json', { ...request, request_time: 0.012 })) as Record<string, unknown>
    expect(fields).toMatchObject({
      time: clock.iso8601(),
      remote_addr: '192.0.2.1',
      status: 200,
      request_time: 0.012,
      user_agent: 'curl/8.5 "x"',
      route_id: null,
    })
  })

  test('errors say where', () => {
    const pointerOf = (format: LogFields): string | undefined => {
      try {
        compileFormat(format)
      } catch (error) {
        return (error as LogFormatError).pointer
      }
      return undefined
    }
    expect(pointerOf({ a: { 'b/c': 'x $' } })).toBe('/a/b~1c')
    expect(pointerOf({ a: { a: { a: { a: { a: { a: 1 } } } } } })).toBe('/a/a/a/a/a')
    expect(pointerOf({ a: ['x'] as unknown as LogFields })).toBe('/a')
    expect(pointerOf({ a: { a: { a: { a: { a: 1 } } } } })).toBeUndefined()
  })
})

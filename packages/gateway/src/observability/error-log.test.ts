import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatForTerminal } from './error-line.ts'
import { createErrorLog } from './error-log.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-error-log-'))
  path = join(folder, 'error.log')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('error log', () => {
  test('writes JSON lines at once, with level, time, thread and the whole error', () => {
    const { logger } = createErrorLog({ path, bindings: { worker: 3 } })
    logger.debug('not seen')
    logger.error({ err: new TypeError('boom'), route: 'r1' }, 'a plugin threw')
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    const fields = JSON.parse(lines[0]) as Record<string, unknown>
    expect(fields).toMatchObject({ level: 'error', pid: process.pid, worker: 3, route: 'r1', msg: 'a plugin threw' })
    expect(fields.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(fields.err).toMatchObject({
      type: 'TypeError',
      message: 'boom',
      stack: expect.stringContaining('error-log.test.ts'),
    })
  })

  test('the level can be given', () => {
    const { logger } = createErrorLog({ path, level: 'warn' })
    logger.info('no')
    logger.warn('yes')
    expect(readFileSync(path, 'utf8')).toMatch(/^[^\n]*"msg":"yes"[^\n]*\n$/)
  })

  test('reopen goes on in a new file; when that fails the old one is kept and says so', () => {
    const log = createErrorLog({ path })
    log.logger.info('one')
    renameSync(path, `${path}.1`)
    log.reopen()
    log.logger.info('two')
    expect(readFileSync(`${path}.1`, 'utf8')).toContain('"msg":"one"')
    expect(readFileSync(path, 'utf8')).toMatch(/^[^\n]*"msg":"two"[^\n]*\n$/)
    renameSync(folder, `${folder}-moved`)
    log.reopen()
    renameSync(`${folder}-moved`, folder)
    expect(readFileSync(path, 'utf8')).toContain('"msg":"the error log cannot be opened anew"')
  })

  test('lines that the system does not take are counted, not thrown', () => {
    const log = createErrorLog({ path: '/dev/full' })
    log.logger.error('one')
    log.logger.error('two')
    expect(log.dropped).toBe(2)
  })

  test('for a terminal it is one line of text', () => {
    const { logger } = createErrorLog({ path, pretty: true })
    logger.warn({ reason: 'bad host', client: '192.0.2.1', bytes: 12, list: [1, 2] }, 'head refused')
    expect(readFileSync(path, 'utf8')).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}head refused reason="bad host" client=192\.0\.2\.1 bytes=12 list=\[1,2\]\n$/,
    )
  })
})

describe('a line for the terminal', () => {
  const line = (fields: Record<string, unknown>): string =>
    formatForTerminal(JSON.stringify({ level: 'error', time: '2025-11-20T18:00:00.123Z', pid: 1, ...fields }))

  test('shows an error by its message and first place', () => {
    const err = {
      type: 'TypeError',
      message: 'boom',
      stack: 'TypeError: boom\n    at f (/a.ts:1:2)\n    at g (/b.ts:3:4)',
    }
    expect(line({ err, msg: 'a plugin threw' })).toBe(
      '18:00:00.123 ERROR a plugin threw TypeError: boom (at f (/a.ts:1:2))\n',
    )
    expect(line({ err, msg: 'boom' })).toBe('18:00:00.123 ERROR boom TypeError (at f (/a.ts:1:2))\n')
    expect(line({ err: { message: 'x' } })).toBe('18:00:00.123 ERROR Error: x\n')
  })

  test('no value reaches the terminal as a control', () => {
    expect(line({ msg: 'a\u001b[2Jb\nc', uri: '/\u001b]0;x\u0007', c1: '\u009b2J' })).toBe(
      '18:00:00.123 ERROR a\\x1b[2Jb\n  c uri=/\\x1b]0;x\\x07 c1=\\x9b2J\n',
    )
  })
})

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LogWriter, type LogWriterOptions } from './log-writer.ts'

let folder = ''
let path = ''
const cleanUp: (() => unknown)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-log-'))
  path = join(folder, 'access.log')
})
afterEach(async () => {
  vi.useRealTimers()
  for (const step of cleanUp.splice(0).toReversed()) await step()
  rmSync(folder, { recursive: true })
})

function open(options: Partial<LogWriterOptions> = {}): LogWriter {
  const writer = new LogWriter({ path, ...options })
  cleanUp.push(() => writer.close(0))
  return writer
}

/** Makes `path` a named pipe; returns what reads all that is in it now. */
function pipe(): () => string {
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  cleanUp.push(() => closeSync(fd))
  const buffer = Buffer.alloc(65_536)
  return () => {
    let text = ''
    for (;;) {
      try {
        const length = readSync(fd, buffer)
        if (length === 0) return text
        text += buffer.toString('latin1', 0, length)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return text
        throw error
      }
    }
  }
}

describe('LogWriter', () => {
  test('appends to the file that is there, in order', async () => {
    writeFileSync(path, 'before\n')
    const writer = open()
    for (let index = 0; index < 1_000; index++) writer.write(`line ${index}`)
    expect(await writer.flush()).toBe(true)
    const expected = ['before', ...Array.from({ length: 1_000 }, (_, index) => `line ${index}`), '']
    expect(readFileSync(path, 'utf8')).toBe(expected.join('\n'))
    expect(writer.dropped).toBe(0)
  })

  test('writes when the buffer is full, or when the oldest line has waited for the interval', () => {
    const read = pipe()
    vi.useFakeTimers()
    const writer = open({ bufferBytes: 20, flushIntervalMs: 1_000 })
    writer.write('123456789')
    vi.advanceTimersByTime(600)
    writer.write('12345678')
    expect(read()).toBe('')
    vi.advanceTimersByTime(400)
    expect(read()).toBe('123456789\n12345678\n')
    writer.write('123456789')
    expect(read()).toBe('')
    writer.write('123456789')
    expect(read()).toBe('123456789\n123456789\n')
    vi.advanceTimersByTime(5_000)
    expect(read()).toBe('')
  })

  test('when nobody reads the pipe, lines wait up to the limit, then are dropped; nothing is lost of what waited', async () => {
    const read = pipe()
    const writer = open({ maxWaitingBytes: 100_000 })
    const lines = Array.from({ length: 400 }, (_, index) => `${index} ${'x'.repeat(994 - String(index).length)}`)
    for (const line of lines) writer.write(line)
    // 996 bytes a line: 100 wait here, and the pipe takes up to 65 more (Linux gives a pipe 64 KiB, 4 KiB to one who has many).
    const kept = lines.length - writer.dropped
    expect(kept).toBeGreaterThan(95)
    expect(kept).toBeLessThan(170)
    expect(await writer.flush(0)).toBe(false)
    const done = writer.flush(10_000)
    let text = ''
    for (let idle = false; !idle;) {
      text += read()
      idle = await Promise.race([done, nextTurn(false)])
    }
    text += read()
    expect(text).toBe(`${lines.slice(0, kept).join('\n')}\n`)
    writer.write('goes on')
    expect(await writer.flush()).toBe(true)
    expect(read()).toBe('goes on\n')
  })

  test('lines of two writers on one pipe are not mixed', async () => {
    const read = pipe()
    const writers = [open(), open()]
    for (let index = 0; index < 2_000; index++) {
      for (const [name, writer] of writers.entries()) writer.write(`${name}:${index}:${'x'.repeat(index % 97)}:end`)
    }
    const done = Promise.all(writers.map((writer) => writer.flush(10_000)))
    let text = ''
    for (let idle = false; !idle;) {
      text += read()
      idle = await Promise.race([done.then(() => true), nextTurn(false)])
    }
    text += read()
    const lines = text.trimEnd().split('\n')
    expect(lines).toHaveLength(4_000)
    for (const line of lines) expect(line).toMatch(/^[01]:\d+:x*:end$/)
    for (const name of ['0', '1']) {
      const order = lines.filter((line) => line.startsWith(name)).map((line) => Number(line.split(':')[1]))
      expect(order).toEqual(Array.from({ length: 2_000 }, (_, index) => index))
    }
  })

  test('a line that is longer than what a pipe takes at once is written whole', async () => {
    const read = pipe()
    const writer = open()
    writer.write('a'.repeat(5_000))
    writer.write('b')
    expect(await writer.flush()).toBe(true)
    expect(read()).toBe(`${'a'.repeat(5_000)}\nb\n`)
  })

  test('reopen goes on in a new file, also in the middle of a write', async () => {
    const writer = open({ bufferBytes: 1 })
    writer.write('one')
    renameSync(path, `${path}.1`)
    writer.reopen()
    writer.reopen()
    writer.write('two')
    await writer.flush()
    renameSync(path, `${path}.2`)
    writer.reopen()
    writer.write('three')
    await writer.flush()
    const contents = ['.1', '.2', ''].map((suffix) => readFileSync(path + suffix, 'utf8'))
    expect(contents).toEqual(['one\n', 'two\n', 'three\n'])
  })

  test('a reopening that fails is reported, and the old file is kept', async () => {
    const errors: string[] = []
    const writer = open({ onError: (error) => errors.push((error as NodeJS.ErrnoException).code ?? '') })
    const moved = `${folder}-moved`
    renameSync(folder, moved)
    writer.reopen()
    writer.write('kept')
    await writer.flush()
    renameSync(moved, folder)
    expect(errors).toEqual(['ENOENT'])
    expect(readFileSync(path, 'utf8')).toBe('kept\n')
  })

  test('what the system refuses is counted and reported once, not thrown', async () => {
    const errors: string[] = []
    const writer = open({
      path: '/dev/full',
      onError: (error) => errors.push((error as NodeJS.ErrnoException).code ?? ''),
    })
    writer.write('one')
    writer.write('two')
    expect(await writer.flush()).toBe(true)
    writer.write('three')
    expect(await writer.flush()).toBe(true)
    expect([writer.dropped, errors]).toEqual([3, ['ENOSPC']])
  })

  test('a file that cannot be opened is an error at once', () => {
    expect(() => open({ path: join(folder, 'no', 'such', 'folder') })).toThrow('ENOENT')
  })

  test('a worker thread writes to the standard output of its process', () => {
    const script = join(folder, 'main.cjs')
    buildSync({
      stdin: {
        contents: `
          import { Worker, isMainThread } from 'node:worker_threads'
          import { LogWriter } from ${JSON.stringify(fileURLToPath(new URL('./log-writer.ts', import.meta.url)))}
          if (isMainThread) new Worker(__filename)
          else {
            const writer = new LogWriter({ path: 'stdout' })
            for (let index = 0; index < 20000; index++) writer.write('line ' + index)
            writer.close()
          }`,
        resolveDir: folder,
      },
      bundle: true,
      format: 'cjs',
      platform: 'node',
      outfile: script,
    })
    const expected = `${Array.from({ length: 20_000 }, (_, index) => `line ${index}`).join('\n')}\n`
    // Through a pipe, as containers and shells do it, and to a file.
    expect(execFileSync('sh', ['-c', '"$0" "$1" | cat', process.execPath, script], { encoding: 'utf8' })).toBe(expected)
    execFileSync('sh', ['-c', '"$0" "$1" > "$2"', process.execPath, script, path])
    expect(readFileSync(path, 'utf8')).toBe(expected)
  })
})

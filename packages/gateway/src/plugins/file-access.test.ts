import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import authzCasbin from './authz-casbin.ts'
import { limitPluginFiles, readPluginFile, readProblem, writeProblem } from './file-access.ts'
import fileLogger from './file-logger.ts'
import wasm from './wasm.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-plugin-files-'))
const [inside, logs, outside] = ['inside', 'logs', 'outside'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
]
for (const path of [inside, logs, outside]) mkdirSync(path)
writeFileSync(join(outside, 'secret'), 'hush')
writeFileSync(join(inside, 'policy'), 'p, jo, /, GET')
symlinkSync(join(outside, 'secret'), join(inside, 'link'))
symlinkSync(outside, join(logs, 'elsewhere'))

afterEach(() => limitPluginFiles(undefined))

describe('files that plugins are told to use', () => {
  it('are any in a configuration file', () => {
    expect([readProblem('/etc/passwd'), writeProblem('/etc/cron.d/x')]).toEqual([undefined, undefined])
  })

  it.each([
    ['inside/policy', true, false],
    ['inside/nothing', true, false],
    ['inside/link', false, false],
    ['inside/../outside/secret', false, false],
    ['outside/secret', false, false],
    ['logs/access.log', false, true],
    ['logs/elsewhere/access.log', false, false],
    ['logs/../inside/policy', true, false],
    ['inside', false, false],
  ])('in documents of a store: %s', (path, read, written) => {
    limitPluginFiles({ read: [inside], written: [logs] })
    const file = `${folder}/${path}`
    expect([readProblem(file) === undefined, writeProblem(file) === undefined]).toEqual([read, written])
  })

  it('say which setting would allow them', () => {
    limitPluginFiles({ read: [], written: [logs] })
    expect(readProblem('/etc/passwd')).toContain('"secret_paths"')
    expect(writeProblem('/etc/cron.d/x')).toContain(logs)
  })

  it('are looked at by the plugins that have some', () => {
    limitPluginFiles({ read: [], written: [] })
    const paths = { model_path: '/dev/zero', policy_path: '/dev/zero' }
    expect(authzCasbin.check?.({ username: 'u', ...paths } as never)).toMatchObject({ path: '/model_path' })
    expect(wasm.check?.({ path: '/dev/zero' } as never)).toMatchObject({ path: '/path' })
    expect(fileLogger.check?.({ path: '/etc/cron.d/x' } as never)).toMatchObject({ path: '/path' })
    expect(fileLogger.checkMetadata?.({ path: '/etc/cron.d/x' } as never)).toMatchObject({ path: '/path' })
    expect(fileLogger.check?.({ path: 'stdout' } as never)).toBeUndefined()
  })

  it('are read when they are files, and not too large', () => {
    expect(readPluginFile(join(inside, 'policy'), 13).toString()).toBe('p, jo, /, GET')
    expect(() => readPluginFile(join(inside, 'policy'), 12)).toThrow('12 are read at most')
    expect(() => readPluginFile('/dev/zero', 100)).toThrow('no file')
    execFileSync('mkfifo', [join(inside, 'pipe')])
    expect(() => readPluginFile(join(inside, 'pipe'), 100)).toThrow('no file')
  })
})

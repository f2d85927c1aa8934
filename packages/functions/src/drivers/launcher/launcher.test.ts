import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findExecutable } from '../find-executable.ts'
import { launcherFile } from './elf.ts'
import { NO_SCRIPT_STATUS, SCRIPT_CAPACITY } from './interpreter-layout.ts'
import { thisMachine, type Machine } from './machine.ts'
import { Script, type Label } from './script.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-launcher-'))
afterAll(() => rmSync(folder, { recursive: true }))

const EMULATORS = { x64: 'qemu-x86_64', arm64: 'qemu-aarch64' } as const

describe.each(['x64', 'arm64'] as const)('the launcher for %s', (machine) => {
  const file = join(folder, machine)
  writeFileSync(file, launcherFile(machine))
  chmodSync(file, 0o755)
  const emulator = EMULATORS[machine]
  const native = process.platform === 'linux' && thisMachine() === machine
  const able = native || findExecutable(emulator) !== undefined
  const title = (text: string): string => (able ? text : `${text} (skipped: ${emulator} is not installed)`)
  const run = (script: Buffer): SpawnSyncReturns<Buffer> =>
    native ? spawnSync(file, { input: script }) : spawnSync(emulator, [file], { input: script })

  test('is small', () => {
    expect(launcherFile(machine).length).toBeLessThan(450)
  })

  test.skipIf(!able)(title('makes calls in their order'), () => {
    const script = new Script(machine)
    script.call('write', [1, script.text('first '), 6])
    script.call('write', [1, script.text('second'), 6])
    script.call('exit_group', [7])
    script.endWithReport(2, 126)
    const { stdout, status, stderr } = run(script.build())
    expect([String(stdout), status, stderr.length]).toEqual(['first second', 7, 0])
  })

  test.skipIf(!able)(title('reports the step that failed, and not those that may'), () => {
    const script = new Script(machine)
    script.call('close', [50], { whenError: 'next' })
    script.call('close', [51], { purpose: 'close what is not open' })
    script.call('exit_group', [0])
    script.endWithReport(2, 126)
    const { status, stderr } = run(script.build())
    expect(status).toBe(126)
    expect(script.failureIn(stderr)).toEqual({ purpose: 'close what is not open', errno: 9 })
  })

  test.skipIf(!able)(title('goes where the result says'), () => {
    const script = new Script(machine)
    const zero: Label = { at: undefined }
    const error: Label = { at: undefined }
    const equal: Label = { at: undefined }
    const say = (text: string): void => script.call('write', [1, script.text(text), text.length])
    const three = script.bytes(Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]))
    script.call('dup3', [1, 3, 0], { compare: three, whenEqual: equal })
    say('not equal ')
    script.place(equal)
    say('equal ')
    script.call('close', [3], { whenZero: zero })
    say('not zero ')
    script.place(zero)
    say('zero ')
    script.call('close', [3], { whenError: error })
    say('no error ')
    script.place(error)
    say('error')
    script.call('exit_group', [0])
    script.endWithReport(2, 126)
    expect(String(run(script.build()).stdout)).toBe('equal zero error')
  })

  test.skipIf(!able)(title('starts a program with its variables and waits for it'), () => {
    const script = new Script(machine)
    const child: Label = { at: undefined }
    const parent: Label = { at: undefined }
    const pid = script.bytes(Buffer.alloc(8))
    const status = script.bytes(Buffer.alloc(8))
    script.call('clone', [17, 0, 0, 0, 0], { whenZero: child, next: parent, into: pid })
    script.place(child)
    script.call('execve', [
      script.text('/bin/sh'),
      script.textList(['sh', '-c', 'echo "$A$B"; exit 5']),
      script.textList(['A=1 ', 'B=ü']),
    ])
    script.place(parent)
    const wait: Label = { at: undefined }
    const ended: Label = { at: undefined }
    script.place(wait)
    script.call('wait4', [-1, status, 0, 0], { compare: pid, whenEqual: ended, next: wait })
    script.place(ended)
    script.call('write', [1, status, 4])
    script.call('exit_group', [0])
    script.endWithReport(2, 126)
    expect(run(script.build()).stdout).toEqual(Buffer.from('1 ü\n\0\x05\0\0'))
  })

  test.skipIf(!able)(title('ends when its script does not arrive whole'), () => {
    const script = new Script(machine)
    script.call('exit_group', [0])
    script.endWithReport(2, 126)
    const whole = script.build()
    for (const length of [0, 1, 8, 100, whole.length - 1]) {
      expect(run(whole.subarray(0, length)).status).toBe(NO_SCRIPT_STATUS)
    }
    expect(run(whole).status).toBe(0)
  })

  test.skipIf(!able)(title('takes a script in pieces, up to its capacity'), () => {
    const script = new Script(machine)
    const big = script.bytes(Buffer.alloc(SCRIPT_CAPACITY - 4096, 'x'))
    script.call('write', [1, big, 3])
    script.call('exit_group', [0])
    script.endWithReport(2, 126)
    expect(String(run(script.build()).stdout)).toBe('xxx')
    script.bytes(Buffer.alloc(4096))
    expect(() => script.build()).toThrow(RangeError)
  })
})

test('a label that was not placed is an error of whoever wrote the script', () => {
  const script = new Script('x64')
  script.call('close', [1], { next: { at: undefined } })
  script.endWithReport(2, 126)
  expect(() => script.build()).toThrow(/was not placed/)
})

test('the step that failed is found in any report, whole or cut', () => {
  const script = new Script('x64' satisfies Machine)
  script.call('close', [1])
  script.endWithReport(2, 126)
  const report = Buffer.alloc(500, 0xff)
  for (let length = 0; length <= report.length; length++) {
    expect(() => script.failureIn(report.subarray(0, length))).not.toThrow()
  }
})

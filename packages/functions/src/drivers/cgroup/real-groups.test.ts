import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cgroupMounts } from './cgroup-mounts.ts'
import { ControlGroup } from './control-group.ts'
import { usableLayout } from './control-groups.ts'
import type { CgroupLayout } from './cgroup-layout.ts'

const layout = ((): CgroupLayout | string => {
  try {
    return usableLayout()
  } catch (error) {
    return (error as Error).message
  }
})()
const freezer = cgroupMounts(
  readFileSync('/proc/self/mountinfo', 'latin1'),
  readFileSync('/proc/self/cgroup', 'latin1'),
).find((mount) => mount.controllers.includes('freezer'))?.folder

const able = typeof layout !== 'string' && layout.kind !== 'v2' && freezer !== undefined && process.getuid?.() === 0

test.skipIf(!able)(
  able
    ? 'what the freezer of version 1 holds dies by kill'
    : 'the freezer of version 1 (skipped: this host has none for us)',
  async () => {
    const name = `sekisho-test-${process.pid}`
    const { memory, cpu, pids } = layout as CgroupLayout
    const v1: CgroupLayout = { kind: 'v1', memory: join(memory, name), cpu: join(cpu, name), pids: join(pids, name), freezer: join(freezer!, name), freezerVersion: 1 } // prettier-ignore
    for (const folder of [v1.memory, v1.cpu, v1.pids, v1.freezer]) mkdirSync(folder)
    const group = new ControlGroup(v1)
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    writeFileSync(join(v1.freezer, 'cgroup.procs'), String(child.pid))
    expect(group.processes()).toEqual([child.pid])
    group.freeze()
    await expect.poll(() => readFileSync(join(v1.freezer, 'freezer.state'), 'latin1').trim()).toBe('FROZEN')
    group.thaw()
    group.freeze()
    group.kill()
    expect(await ended).toEqual([null, 'SIGKILL'])
    await group.remove()
  },
)

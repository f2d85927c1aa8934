import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findCgroupLayout, foldersOf, groupBelow, type CgroupLayout } from './cgroup-layout.ts'
import { cgroupMounts } from './cgroup-mounts.ts'
import { ControlGroup } from './control-group.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sekisho-cgroup-'))
})

afterEach(() => rmSync(root, { recursive: true }))

/** Files as the kernel would have them. */
function makeFiles(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}

const read = (name: string): string => readFileSync(join(root, name), 'latin1')

describe('where this process is', () => {
  test('version 2 alone', () => {
    const mounts = cgroupMounts(
      '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n',
      '0::/user.slice/user-1000.slice/run-1.scope\n',
    )
    expect(mounts).toEqual([
      { version: 2, controllers: [], folder: '/sys/fs/cgroup/user.slice/user-1000.slice/run-1.scope' },
    ])
  })

  test('controllers of version 1 beside an empty version 2', () => {
    const mounts = cgroupMounts(
      [
        '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
        '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
        '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
        '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      ].join('\n'),
      '4:memory:/a/b\n2:cpu,cpuacct:/\n0::/\n',
    )
    expect(mounts).toEqual([
      { version: 1, controllers: ['cpu', 'cpuacct'], folder: '/sys/fs/cgroup/cpu,cpuacct' },
      { version: 1, controllers: ['memory'], folder: '/sys/fs/cgroup/memory/a/b' },
      { version: 2, controllers: [], folder: '/sys/fs/cgroup/unified' },
    ])
  })

  test('in a container that sees only its own part', () => {
    const line = (at: string): string => `5 4 0:26 /docker/abc ${at} rw - cgroup2 cgroup rw\n`
    expect(cgroupMounts(line('/sys/fs/cgroup'), '0::/docker/abc/x')[0]?.folder).toBe('/sys/fs/cgroup/x')
    expect(cgroupMounts(line('/sys/fs/cgroup'), '0::/docker/abc')[0]?.folder).toBe('/sys/fs/cgroup')
    expect(cgroupMounts(line('/sys/fs/cgroup'), '0::/elsewhere')[0]?.folder).toBe('/sys/fs/cgroup')
    expect(cgroupMounts(line('/with\\040space'), '0::/docker/abc')[0]?.folder).toBe('/with space')
  })

  test('lines that are none are passed over', () => {
    expect(cgroupMounts('', '')).toEqual([])
    expect(cgroupMounts('nonsense\n1 2 3 - cgroup2\n', '0:\n\0\n')).toEqual([])
  })
})

describe('which hierarchies are used', () => {
  const v2 = (): { version: 2; controllers: never[]; folder: string } => ({
    version: 2,
    controllers: [],
    folder: join(root, 'two'),
  })
  const v1 = (...controllers: string[]): { version: 1; controllers: string[]; folder: string } => ({
    version: 1,
    controllers,
    folder: join(root, controllers.join()),
  })

  test('version 2 when it has the controllers', () => {
    makeFiles({ 'two/cgroup.controllers': 'cpuset cpu io memory pids\n' })
    expect(findCgroupLayout([v2(), v1('freezer')])).toMatchObject({
      kind: 'v2',
      freezerVersion: 2,
      memory: join(root, 'two'),
    })
  })

  test('both when they are in version 1: the tree of version 2 kills what is frozen', () => {
    makeFiles({ 'two/cgroup.controllers': '\n' })
    const layout = findCgroupLayout([v1('cpu', 'cpuacct'), v1('memory'), v1('pids'), v1('freezer'), v2()])
    expect(layout).toMatchObject({
      kind: 'hybrid',
      freezerVersion: 2,
      freezer: join(root, 'two'),
      cpu: join(root, 'cpu,cpuacct'),
    })
  })

  test('version 1 alone', () => {
    const layout = findCgroupLayout([v1('cpu'), v1('memory'), v1('pids'), v1('freezer')])
    expect(layout).toMatchObject({ kind: 'v1', freezerVersion: 1, freezer: join(root, 'freezer') })
  })

  test('what is missing is said', () => {
    expect(findCgroupLayout([])).toBe('no cgroup controller memory, cpu, pids is mounted')
    makeFiles({ 'two/cgroup.controllers': 'cpu pids\n' })
    expect(findCgroupLayout([v2()])).toMatch(/two has no controller memory/)
    expect(findCgroupLayout([v1('cpu'), v1('memory'), v1('pids')])).toBe('no cgroup controller freezer is mounted')
  })
})

describe('a group of version 2', () => {
  const layoutOf = (): CgroupLayout => {
    const folder = join(root, 'g')
    return { kind: 'v2', memory: folder, cpu: folder, pids: folder, freezer: folder, freezerVersion: 2 }
  }

  test('its files', () => {
    makeFiles({
      'g/cgroup.procs': '12\n34\n', 'g/cgroup.freeze': '', 'g/cgroup.kill': '', 'g/memory.max': '', 'g/memory.swap.max': '',
      'g/cpu.max': '', 'g/pids.max': '', 'g/memory.peak': '4096\n', 'g/memory.events': 'low 0\noom 3\noom_kill 2\n',
    }) // prettier-ignore
    const group = new ControlGroup(layoutOf())
    group.limitMemory(134_217_728)
    group.limitCpus(128 / 1769)
    group.limitProcesses(1024)
    expect([read('g/memory.max'), read('g/memory.swap.max'), read('g/cpu.max'), read('g/pids.max')]).toEqual([
      '134217728', '0', '7236 100000', '1024',
    ]) // prettier-ignore
    expect(group.processes()).toEqual([12, 34])
    expect(group.peakMemoryBytes()).toBe(4096)
    expect(group.outOfMemoryKills()).toBe(2)
    group.freeze()
    group.kill()
    expect([read('g/cgroup.freeze'), read('g/cgroup.kill')]).toEqual(['1', '1'])
    expect(group.joinDescriptors.length).toBe(1)
  })

  test('a kernel without memory.peak and without swap', () => {
    makeFiles({
      'g/cgroup.procs': '',
      'g/cgroup.freeze': '',
      'g/memory.max': '',
      'g/memory.current': '77\n',
      'g/cpu.max': '',
    })
    const group = new ControlGroup(layoutOf())
    group.limitMemory(1)
    expect(group.peakMemoryBytes()).toBe(77)
    group.limitCpus(0.001)
    expect(read('g/cpu.max')).toBe('1000 100000')
  })
})

test('a group of version 1', () => {
  makeFiles({
    'm/g/cgroup.procs': '', 'm/g/memory.limit_in_bytes': '', 'm/g/memory.memsw.limit_in_bytes': '',
    'm/g/memory.max_usage_in_bytes': '5\n', 'm/g/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
    'c/g/cgroup.procs': '', 'c/g/cpu.cfs_quota_us': '-1', 'p/g/cgroup.procs': '', 'p/g/pids.max': '',
    'f/g/cgroup.procs': '', 'f/g/freezer.state': '',
  }) // prettier-ignore
  const layout = groupBelow(
    {
      kind: 'v1',
      memory: join(root, 'm'),
      cpu: join(root, 'c'),
      pids: join(root, 'p'),
      freezer: join(root, 'f'),
      freezerVersion: 1,
    },
    'g',
  )
  expect(foldersOf(layout).length).toBe(4)
  const group = new ControlGroup(layout)
  group.limitMemory(1024)
  group.limitCpus(1.5)
  expect([read('m/g/memory.limit_in_bytes'), read('m/g/memory.memsw.limit_in_bytes')]).toEqual(['1024', '1024'])
  expect(read('c/g/cpu.cfs_quota_us')).toBe('150000')
  expect([group.peakMemoryBytes(), group.outOfMemoryKills()]).toEqual([5, 1])
  group.kill()
  // Thawed at the end: what version 1 has frozen does not die.
  expect(read('f/g/freezer.state')).toBe('FROZENTHAWED')
  group.freeze()
  expect(read('f/g/freezer.state')).toBe('FROZENTHAWEDFROZEN')
})

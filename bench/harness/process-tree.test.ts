import { describe, expect, it } from 'vitest'
import { parseBusySeconds } from './cores.js'
import { isRunning, parseProcessStat, processTree, sampleTree } from './process-tree.js'

describe('parseProcessStat', () => {
  it('counts the fields from the last bracket, as a name may hold anything', () => {
    const line =
      '4242 (a (bad) name) S 17 4242 4242 0 -1 4194560 1 0 0 0 250 50 7 7 20 0 1 0 987654 1000000 300 18446744073709551615'
    expect(parseProcessStat(line)).toEqual({ pid: 4242, parent: 17, cpuSeconds: 3, startTicks: 987654 })
  })
})

describe('processTree', () => {
  it('finds this process, and that it runs', () => {
    const [self] = processTree(process.pid)
    expect(self.pid).toBe(process.pid)
    expect(self.parent).toBe(process.ppid)
    expect(isRunning(self)).toBe(true)
    expect(isRunning({ ...self, startTicks: self.startTicks + 1 })).toBe(false)
  })

  it('measures memory of the same order as Node.js does', () => {
    const { rssBytes, pids } = sampleTree(process.pid)
    expect(pids).toContain(process.pid)
    expect(rssBytes).toBeGreaterThan(process.memoryUsage.rss() / 2)
  })

  it('is empty for a process that does not exist', () => {
    expect(processTree(2 ** 30)).toEqual([])
  })
})

describe('parseBusySeconds', () => {
  it('adds everything but idle and waiting, for the core asked for', () => {
    const stat =
      'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 100 200 300 9999 9999 400 500 600 0 0\nintr 1\n'
    expect(parseBusySeconds(stat, 1)).toBe(21)
    expect(() => parseBusySeconds(stat, 2)).toThrow('core 2')
  })
})

import { cpus, release, totalmem } from 'node:os'
import { readFileSync } from 'node:fs'
import { versionOf } from './programs.js'

/**
 * @typedef {{ cpu: string, cores: number, memoryBytes: number, kernel: string, node: string, wrk: string }} Machine
 */

/** @returns {Machine} */
export function describeMachine() {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    wrk: versionOf('wrk', ['-v']) ?? 'not found',
  }
}

/** How many files a process may have open here; children inherit it. Node.js raises the soft limit to the hard one. */
export function openFileLimit() {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
  return match === null || match[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match[1])
}

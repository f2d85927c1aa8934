import { readFileSync, readdirSync } from 'node:fs'
import { TICKS_PER_SECOND } from './cores.js'

/**
 * @typedef {{ pid: number, parent: number, cpuSeconds: number, startTicks: number }} ProcessStat
 * @typedef {{ pids: number[], cpuSeconds: number, rssBytes: number }} TreeSample
 */

/**
 * One line of /proc/PID/stat (proc_pid_stat(5)). The name stands in brackets and may itself hold spaces and
 * brackets, so the fields are counted from the last closing one.
 * @param {string} line
 * @returns {ProcessStat}
 */
export function parseProcessStat(line) {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return {
    pid: Number.parseInt(line, 10),
    parent: Number(fields[1]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    startTicks: Number(fields[19]),
  }
}

/**
 * A process and everything below it, parents first. Processes that end meanwhile are left out.
 * @param {number} root
 * @returns {ProcessStat[]}
 */
export function processTree(root) {
  const all = readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? (readStat(Number(entry)) ?? []) : []))
  const tree = all.filter((process) => process.pid === root)
  for (const parent of tree) tree.push(...all.filter((process) => process.parent === parent.pid))
  return tree
}

/**
 * CPU time used so far and memory resident now, of a process and everything below it. Pages that processes share
 * are counted for each of them, as `ps` does.
 * @param {number} root
 * @returns {TreeSample}
 */
export function sampleTree(root) {
  const tree = processTree(root)
  return {
    pids: tree.map((process) => process.pid),
    cpuSeconds: tree.reduce((sum, process) => sum + process.cpuSeconds, 0),
    rssBytes: tree.reduce((sum, process) => sum + residentBytes(process.pid), 0),
  }
}

/**
 * True when this very process still runs: a process identifier alone may have been given to another one.
 * @param {ProcessStat} process
 */
export function isRunning(process) {
  return readStat(process.pid)?.startTicks === process.startTicks
}

/** @param {number} pid */
function readStat(pid) {
  const line = readOrNothing(`/proc/${pid}/stat`)
  return line === undefined ? undefined : parseProcessStat(line)
}

/** @param {number} pid */
function residentBytes(pid) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readOrNothing(`/proc/${pid}/status`) ?? '')
  return match === null ? 0 : Number(match[1]) * 1024
}

/** @param {string} path */
function readOrNothing(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

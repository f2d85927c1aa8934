import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { isRunning, processTree } from './process-tree.js'

/** How long a child may take to end after SIGTERM. Graceful stops wait for connections that no client closes. */
const STOP_TIMEOUT_MS = 3_000

/** What is kept of a child's output for an error message. */
const OUTPUT_LIMIT_CHARS = 16_384

/**
 * @typedef {object} Child
 * @property {number} pid
 * @property {import('node:child_process').ChildProcess} process
 * @property {Promise<void>} exited
 * @property {() => boolean} hasExited
 * @property {() => string} output the last of what it wrote, both streams
 * @property {() => Promise<void>} stop ends it and everything below it
 */

/** @type {Set<Child>} */
const running = new Set()

/**
 * Starts a program on one core. `taskset` and `setpriv` replace themselves by the program, so the process
 * identifier is the program's own. `setpriv` has the kernel end it when the benchmark is killed outright.
 * @param {{ core: number, command: string, args?: string[], cwd?: string, env?: Record<string, string> }} program
 * @returns {Child}
 */
export function launch({ core, command, args = [], cwd, env }) {
  const guard = existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'TERM'] : []
  const process = spawn('taskset', ['-c', String(core), ...guard, command, ...args], {
    cwd,
    env: { ...globalThis.process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // a group of its own: Ctrl-C reaches the benchmark alone, which then ends the children in order
  })
  let output = ''
  let ended = false
  /** @param {string} text */
  const keep = (text) => {
    output = (output + text).slice(-OUTPUT_LIMIT_CHARS)
  }
  process.stdout.setEncoding('utf8').on('data', keep)
  process.stderr.setEncoding('utf8').on('data', keep)
  process.stdin.on('error', () => {}) // it may have ended before it was told to
  process.on('error', (error) => keep(String(error)))
  const child = {
    pid: process.pid ?? 0,
    process,
    exited: once(process, 'close').then(
      () => settle(),
      () => settle(),
    ),
    hasExited: () => ended,
    output: () => output,
    stop: () => stop(child),
  }
  const settle = () => {
    ended = true
    running.delete(child)
  }
  running.add(child)
  return child
}

/** Ends every child that still runs. */
export async function stopAll() {
  await Promise.all([...running].map((child) => child.stop()))
}

/** For the last moment, when nothing can be awaited any more. */
export function killAll() {
  // Never 0, which would be the benchmark's own group: that is what a child is that could not be started.
  for (const child of running) if (child.pid > 0) kill(-child.pid)
}

/** @param {Child} child */
async function stop(child) {
  if (child.hasExited() || child.pid === 0) return
  const tree = processTree(child.pid)
  kill(child.pid, 'SIGTERM')
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, STOP_TIMEOUT_MS)
  })
  await Promise.race([child.exited, patience])
  clearTimeout(timer)
  for (const survivor of tree.filter(isRunning)) kill(survivor.pid)
  await child.exited
}

/**
 * @param {number} pid negative: the whole group
 * @param {NodeJS.Signals} signal
 */
function kill(pid, signal = 'SIGKILL') {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended already, which is what was wanted.
  }
}

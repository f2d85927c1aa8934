import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Everything that is measured runs here, alone. */
export const PROXY_CORE = 0

/** The load generator, the upstream and the benchmark itself share this one. */
export const LOAD_CORE = 1

/** Ticks a second in /proc: USER_HZ, which Linux fixes at 100 for programs whatever the kernel's own rate is. */
export const TICKS_PER_SECOND = 100

/** Throws when the machine cannot keep the proxy and the load apart. */
export function requireTwoCores() {
  if (availableParallelism() >= 2) return
  throw new Error(
    'The benchmark needs two cores: one for the proxy, one for the load. On one core it measures the load.',
  )
}

/**
 * Seconds that a core was busy since boot, interrupts included.
 * @param {number} core
 */
export function busySeconds(core) {
  return parseBusySeconds(readFileSync('/proc/stat', 'latin1'), core)
}

/**
 * `cpuN user nice system idle iowait irq softirq steal ...` (proc_stat(5)); idle and iowait are not work, and steal
 * is somebody else's machine taking the core, which counts as busy because it is time that the proxy did not get.
 * @param {string} stat the text of /proc/stat
 * @param {number} core
 */
export function parseBusySeconds(stat, core) {
  const line = stat.split('\n').find((text) => text.startsWith(`cpu${core} `))
  if (line === undefined) throw new Error(`/proc/stat does not name core ${core}`)
  const [user, nice, system, , , irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number)
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
}

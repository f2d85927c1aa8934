import { spawnSync } from 'node:child_process'

/**
 * The first line of what a program says about its version; undefined when it is not installed.
 * @param {string} command
 * @param {string[]} args
 * @returns {string | undefined}
 */
export function versionOf(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 })
  if (result.error !== undefined) return undefined
  const text = `${result.stdout}${result.stderr}`
  return /\d+\.\d+[\w.+~-]*/.exec(text)?.[0] ?? 'unknown version'
}

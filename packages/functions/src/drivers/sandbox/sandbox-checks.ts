import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { usableLayout } from '../cgroup/control-groups.ts'
import type { DriverCheck } from '../driver.ts'
import { findExecutable } from '../find-executable.ts'
import { thisMachine } from '../launcher/machine.ts'

const run = promisify(execFile)
/** The first with `--perms` and `--size`. */
const OLDEST_BUBBLEWRAP = [0, 5]

export async function checkSandbox(): Promise<readonly DriverCheck[]> {
  if (process.platform !== 'linux') {
    const detail = `${process.platform}: the sandbox needs Linux; use the driver process`
    return [{ what: 'operating system', fulfilled: false, detail, required: true }]
  }
  const bubblewrap = await checkBubblewrap()
  const namespaces = bubblewrap.fulfilled ? [await checkNamespaces()] : []
  return [checkMachine(), bubblewrap, ...namespaces, checkCgroups(), checkEgress()]
}

export function checkMachine(): DriverCheck {
  const fulfilled = thisMachine() !== undefined
  return {
    what: 'processor',
    fulfilled,
    detail: fulfilled ? process.arch : `${process.arch}: the launcher is written for x64 and arm64`,
    required: true,
  }
}

async function checkBubblewrap(): Promise<DriverCheck> {
  const check = { what: 'bubblewrap', required: true }
  const path = findExecutable('bwrap')
  if (path === undefined) return { ...check, fulfilled: false, detail: 'not installed: apt-get install bubblewrap' }
  const version = await run(path, ['--version']).then(
    ({ stdout }) => stdout.trim(),
    (error: Error) => error.message,
  )
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version)?.slice(1) ?? []).map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_BUBBLEWRAP as [number, number]
  const fulfilled = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
  return { ...check, fulfilled, detail: fulfilled ? `${path}, ${version}` : `${version}: at least 0.5 is needed` }
}

const TRIAL = ['--unshare-all', '--ro-bind', '/', '/', 'true']
const TRIAL_LIMIT_MS = 5_000

/** By one that does nothing: some hosts have all programs, and forbid what they do. */
async function checkNamespaces(): Promise<DriverCheck> {
  const said = await run(findExecutable('bwrap') ?? 'bwrap', TRIAL, { timeout: TRIAL_LIMIT_MS }).then(
    () => undefined,
    ({ stderr, message }: Error & { readonly stderr?: string }) => stderr?.split('\n', 1)[0] || message,
  )
  const detail =
    said === undefined ? 'tried' : `${said}; the host forbids them (user namespaces, AppArmor, or a container)`
  return { what: 'namespaces', fulfilled: said === undefined, detail, required: true }
}

export function checkCgroups(): DriverCheck {
  const check = { what: 'control groups (memory, cpu, pids)', required: true }
  try {
    const layout = usableLayout()
    return { ...check, fulfilled: true, detail: `${layout.kind}, below ${layout.memory}` }
  } catch (error) {
    return { ...check, fulfilled: false, detail: (error as Error).message }
  }
}

export function checkEgress(): DriverCheck {
  const path = findExecutable('slirp4netns')
  return {
    what: 'slirp4netns (network egress)',
    fulfilled: path !== undefined,
    detail: path ?? 'not installed, so network egress is refused: apt-get install slirp4netns',
    required: false,
  }
}

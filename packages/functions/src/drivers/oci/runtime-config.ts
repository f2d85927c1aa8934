import type { SandboxSpec } from '../driver.ts'
import { pathsInside } from '../sandbox/bubblewrap-arguments.ts'
import { basename, dirname, join } from 'node:path'
import { existsSync } from 'node:fs'

/** The launcher as an image sees it: /dev is the container's own, so nothing is made in the image. */
export const LAUNCHER_IN_CONTAINER = '/dev/.launcher'

export interface RuntimeConfigOptions {
  /** Root of functions without an image. */
  readonly rootFolder: string
  readonly launcherFile: string
}

interface Mount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

const READ_ONLY_BIND = ['bind', 'ro', 'nosuid', 'nodev']
/** What the launcher needs until it gives up root. */
const CAPABILITIES = ['CAP_SETUID', 'CAP_SETGID']

/** `config.json` of a bundle: OCI Runtime Specification 1.0, as runc and others take it. Limits are the launcher's and the control groups'. */
export function runtimeConfig(spec: SandboxSpec, options: RuntimeConfigOptions): Readonly<Record<string, unknown>> {
  const capabilities = spec.network === 'egress' ? [...CAPABILITIES, 'CAP_NET_ADMIN'] : CAPABILITIES
  const namespaces = ['pid', 'ipc', 'uts', 'mount', ...(spec.network === 'host' ? [] : ['network'])]
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [LAUNCHER_IN_CONTAINER],
      env: [],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: spec.rootDirectory ?? options.rootFolder, readonly: true },
    hostname: 'sandbox',
    mounts: [...ownMounts(spec, options), ...functionMounts(spec)],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/sched_debug', '/proc/scsi', '/sys/firmware'], // prettier-ignore
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

function ownMounts(spec: SandboxSpec, options: RuntimeConfigOptions): readonly Mount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=64k'] },
    bind(options.launcherFile, LAUNCHER_IN_CONTAINER),
    {
      destination: '/tmp',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'mode=1777', `size=${spec.ephemeralStorageMb}m`],
    },
  ]
}

function functionMounts(spec: SandboxSpec): readonly Mount[] {
  const paths = pathsInside(spec)
  const mounts: Mount[] = []
  if (spec.rootDirectory === undefined) mounts.push(bind('/usr', '/usr'), bind(spec.taskDirectory, paths.task))
  if (spec.layersDirectory !== undefined) mounts.push(bind(spec.layersDirectory, paths.layers!))
  if (spec.runtimeDirectory !== undefined) mounts.push(bind(spec.runtimeDirectory, paths.runtime!))
  const { interpreter } = spec
  if (interpreter !== undefined && paths.interpreter !== interpreter) {
    const modules = join(dirname(dirname(interpreter)), 'lib')
    if (basename(interpreter).startsWith('python') && existsSync(modules)) mounts.push(bind(modules, '/var/lang/lib'))
    mounts.push(bind(interpreter, paths.interpreter!))
  }
  return mounts
}

const bind = (source: string, destination: string): Mount => ({
  destination,
  type: 'bind',
  source,
  options: READ_ONLY_BIND,
})

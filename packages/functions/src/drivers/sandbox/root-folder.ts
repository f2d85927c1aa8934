import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { chmod, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launcherFile } from '../launcher/elf.ts'
import { INSIDE_GID, INSIDE_UID } from '../launcher/launch-script.ts'
import type { Machine } from '../launcher/machine.ts'
import { makeDeviceFiles } from './device-files.ts'

/** Where the launcher is, as the sandbox sees it. */
export const LAUNCHER_PATH = '/.launcher'

/** Folders that something is mounted on. */
const MOUNT_POINTS = ['usr', 'proc', 'dev', 'tmp', 'opt', 'var/task', 'var/runtime', 'var/lang/bin', 'var/lang/lib']
/** What programs of the host's /usr look for in /etc, and no secret is in. */
const COPIED_FROM_ETC = ['ld.so.cache', 'ld.so.conf', 'ssl/certs', 'ssl/openssl.cnf', 'pki', 'ca-certificates', 'alternatives', 'nsswitch.conf', 'protocols', 'services', 'mime.types'] // prettier-ignore
/** Files that an interpreter is mounted on. */
export const INTERPRETER_NAMES = ['node', 'python3', 'interpreter'] as const
const LINKS_TO_USR = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']

/**
 * The root of all sandboxes: mount points, links into /usr and an /etc of our own. Made once, mounted read-only by each; everything that is
 * the same for all is cheaper as a file here than as an argument there.
 *
 * @param resolvers of /etc/resolv.conf
 */
export async function makeRootFolder(folder: string, machine: Machine, resolvers: readonly string[]): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const point of MOUNT_POINTS) await mkdir(join(folder, point), { recursive: true })
  for (const name of INTERPRETER_NAMES) await writeFile(join(folder, 'var/lang/bin', name), '')
  for (const name of LINKS_TO_USR) {
    if (await isThere(`/usr/${name}`)) await symlink(`usr/${name}`, join(folder, name))
  }
  await makeDeviceFiles(join(folder, 'dev'))
  const etc = join(folder, 'etc')
  await mkdir(etc)
  await writeFile(
    join(etc, 'passwd'),
    `root:x:0:0:root:/:/bin/sh\nsbx_user:x:${INSIDE_UID}:${INSIDE_GID}::/tmp:/bin/sh\n`,
  )
  await writeFile(join(etc, 'group'), `root:x:0:\nsbx_user:x:${INSIDE_GID}:\n`)
  await writeFile(join(etc, 'hosts'), '127.0.0.1 localhost\n::1 localhost\n')
  await writeFile(join(etc, 'hostname'), 'sandbox\n')
  await writeFile(join(etc, 'resolv.conf'), resolvers.map((resolver) => `nameserver ${resolver}\n`).join(''))
  for (const name of COPIED_FROM_ETC) copyFromEtc(name, etc)
  const launcher = join(folder, LAUNCHER_PATH)
  await writeFile(launcher, launcherFile(machine))
  readableByAll(folder)
  // runc gives what it mounts there the rights of the folder.
  await chmod(join(folder, 'tmp'), 0o1777)
  await chmod(launcher, 0o755)
}

// Hundreds of certificates and links: at the start, when nothing else runs, they take some 30 ms at once, and a second by promises.

/** Whatever the engine's umask is. */
function readableByAll(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) readableByAll(path)
    else if (entry.isFile()) chmodSync(path, 0o644)
  }
}

function copyFromEtc(name: string, etc: string): void {
  const from = join('/etc', name)
  const to = join(etc, name)
  try {
    if (statSync(from).isDirectory())
      cpSync(from, to, { recursive: true, verbatimSymlinks: true, filter: isReadableByAll })
    else {
      mkdirSync(join(to, '..'), { recursive: true })
      copyFileSync(from, to)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Keys of the host, in folders like /etc/pki, are only for some. */
function isReadableByAll(path: string): boolean {
  try {
    return (statSync(path).mode & 0o004) !== 0
  } catch {
    return false
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

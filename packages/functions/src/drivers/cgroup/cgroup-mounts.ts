/** Where this process is in one hierarchy of control groups, as a folder. */
export interface CgroupMount {
  readonly version: 1 | 2
  /** Of version 1: `memory`, `cpu`, …; of version 2 they are in the file `cgroup.controllers`. */
  readonly controllers: readonly string[]
  readonly folder: string
}

/**
 * @param mountInfo `/proc/self/mountinfo`: proc_pid_mountinfo(5)
 * @param cgroups `/proc/self/cgroup`: `hierarchy:controllers:path`, cgroups(7)
 */
export function cgroupMounts(mountInfo: string, cgroups: string): readonly CgroupMount[] {
  const paths = new Map<string, string>()
  for (const line of cgroups.split('\n')) {
    const found = /^\d+:([^:]*):(.*)$/.exec(line)
    if (found !== null) for (const controller of found[1]!.split(',')) paths.set(controller, found[2]!)
  }
  const mounts: CgroupMount[] = []
  for (const line of mountInfo.split('\n')) {
    const [mount, filesystem] = line.split(' - ')
    const [, , , root, folder] = (mount ?? '').split(' ')
    const [type, , options] = (filesystem ?? '').split(' ')
    if (folder === undefined || root === undefined) continue
    if (type === 'cgroup2') {
      mounts.push({ version: 2, controllers: [], folder: below(unescapeMount(folder), root, paths.get('') ?? '/') })
    } else if (type === 'cgroup') {
      const controllers = (options ?? '').split(',').filter((option) => paths.has(option))
      const path = paths.get(controllers[0] ?? '')
      if (path !== undefined) {
        mounts.push({ version: 1, controllers, folder: below(unescapeMount(folder), root, path) })
      }
    }
  }
  return mounts
}

/** The mount shows `root` of the hierarchy; a path that is not below it (a container without a namespace) means the mount itself. */
function below(folder: string, root: string, path: string): string {
  const prefix = root === '/' ? '' : root
  const inside = path === prefix ? '' : path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : ''
  return inside === '/' ? folder : `${folder}${inside}`
}

/** Spaces and the like are written as three octal digits. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

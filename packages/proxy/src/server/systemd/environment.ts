/** What systemd tells a service in its environment (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)). */
export interface SystemdEnvironment {
  /** Sockets that were opened for this process: descriptors from 3 on. */
  readonly sockets: number
  /** `FileDescriptorName=` of each, where given. */
  readonly socketNames: readonly string[]
  /** Where the state of the service is told. */
  readonly notifySocket: string | undefined
  /** A sign of life is expected within so many microseconds; 0: none is. */
  readonly watchdogUs: number
}

/** More sockets than this are a mistake; a descriptor that is not there is found out before. */
const MAX_SOCKETS = 1024

/**
 * Reads the variables and takes them out of the environment, as a process that is started later must not take them for its own.
 * What names another process is not ours. Returns a text for each variable that makes no sense.
 */
export function takeSystemdEnvironment(
  environment: NodeJS.ProcessEnv,
  pid: number,
): { readonly found: SystemdEnvironment; readonly problems: readonly string[] } {
  const take = (name: string): string | undefined => {
    const value = environment[name]
    delete environment[name]
    return value
  }
  const problems: string[] = []
  const count = (name: string, text: string | undefined, most: number): number => {
    if (text === undefined) return 0
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value <= most) return value
    problems.push(`${name} is "${text}", which is no number from 0 to ${most}: it is ignored`)
    return 0
  }
  const listenPid = take('LISTEN_PID')
  const listenFds = take('LISTEN_FDS')
  const names = take('LISTEN_FDNAMES')
  const watchdogPid = take('WATCHDOG_PID')
  const watchdogUsec = take('WATCHDOG_USEC')
  const notifySocket = take('NOTIFY_SOCKET')
  let sockets = 0
  if (listenFds !== undefined && listenPid !== String(pid)) {
    problems.push(
      `the sockets of systemd are for process ${listenPid ?? '?'}, and this is ${pid}: start node itself, without npx or a shell`,
    )
  } else sockets = count('LISTEN_FDS', listenFds, MAX_SOCKETS)
  const watched = watchdogPid === undefined || watchdogPid === String(pid)
  return {
    found: {
      sockets,
      socketNames: names === undefined || names === '' ? [] : names.split(':'),
      notifySocket: notifySocket === '' ? undefined : notifySocket,
      watchdogUs: watched ? count('WATCHDOG_USEC', watchdogUsec, Number.MAX_SAFE_INTEGER) : 0,
    },
    problems,
  }
}

/** Whether there is anything to take: the rest of this folder is not loaded otherwise. */
export function underSystemd(environment: NodeJS.ProcessEnv): boolean {
  return environment['NOTIFY_SOCKET'] !== undefined || environment['LISTEN_FDS'] !== undefined
}

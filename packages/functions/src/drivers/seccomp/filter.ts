import { constants } from 'node:os'
import type { Machine } from '../launcher/machine.ts'
import { findSystemCall, type SystemCall } from '../launcher/system-calls.ts'
import {
  ALLOW,
  and,
  DATA,
  decide,
  KILL_PROCESS,
  load,
  loadArgument,
  refuse,
  skipWhenAtLeast,
  skipWhenEqual,
} from './bpf.ts'

const { EPERM, ENOSYS, EAFNOSUPPORT } = constants.errno
/** AUDIT_ARCH_*, linux/audit.h */
const ARCHITECTURES = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const
/** Calls of the x32 ABI have this bit; nothing uses them, and their numbers pass by every list. */
const X32_BIT = 0x4000_0000

/** CLONE_NEW*: cgroup, uts, ipc, user, pid, net, mount. (That of time is a bit of the signal here; only clone3 and unshare make one.) */
export const NEW_NAMESPACES =
  0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000 | 0x0002_0000

/**
 * What a function has no business with: the kernel's administration, namespaces and mounts, other processes' memory, and the interfaces in
 * which most holes of the last years were. Refused with EPERM. The list follows Docker's default profile.
 */
export const REFUSED_CALLS: readonly SystemCall[] = [
  'acct', 'add_key', 'adjtimex', 'bpf', 'chroot', 'clock_adjtime', 'clock_settime', 'create_module', 'delete_module',
  'fanotify_init', 'finit_module', 'fsconfig', 'fsmount', 'fsopen', 'fspick', 'get_kernel_syms', 'init_module',
  'io_uring_enter', 'io_uring_register', 'io_uring_setup', 'ioperm', 'iopl', 'kcmp', 'kexec_file_load', 'kexec_load',
  'keyctl', 'listmount', 'lookup_dcookie', 'memfd_secret', 'migrate_pages', 'mount', 'mount_setattr', 'move_mount',
  'move_pages', 'name_to_handle_at', 'nfsservctl', 'open_by_handle_at', 'open_tree', 'open_tree_attr', 'perf_event_open',
  'pidfd_getfd', 'pivot_root', 'process_vm_readv', 'process_vm_writev', 'ptrace', 'query_module', 'quotactl',
  'quotactl_fd', 'reboot', 'request_key', 'setdomainname', 'sethostname', 'setns', 'settimeofday', 'statmount', 'swapoff',
  'swapon', 'sysfs', 'syslog', 'umount2', 'unshare', 'uselib', 'userfaultfd', 'ustat', 'vhangup', '_sysctl',
] // prettier-ignore

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: what programs use. Not AF_VSOCK, AF_ALG, AF_PACKET and forty more. */
export const ALLOWED_FAMILIES = [1, 2, 10, 16]
/** Linux, 32-bit addresses' layout of old programs, and asking for the present one. */
export const ALLOWED_PERSONALITIES = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff]
/** TIOCSTI, TIOCLINUX: put words into the mouth of a terminal. */
export const REFUSED_CONTROLS = [0x5412, 0x541c]

/** The system calls a function may make, as a program for seccomp(2). */
export function systemCallFilter(machine: Machine): Buffer {
  return Buffer.concat([
    load(DATA.architecture),
    skipWhenEqual(ARCHITECTURES[machine], 1),
    decide(KILL_PROCESS),
    load(DATA.number),
    ...(machine === 'x64' ? [skipWhenAtLeast(X32_BIT, 0, 1), decide(KILL_PROCESS)] : []),
    ...REFUSED_CALLS.flatMap((call) => forCall(machine, call, [decide(refuse(EPERM))])),
    // Its flags are in memory, where a filter cannot look; C libraries then use clone, which has them in a register.
    ...forCall(machine, 'clone3', [decide(refuse(ENOSYS))]),
    ...forCall(machine, 'clone', [
      loadArgument(0),
      and(NEW_NAMESPACES),
      skipWhenEqual(0, 1),
      decide(refuse(EPERM)),
      decide(ALLOW),
    ]),
    ...forCall(machine, 'socket', allowOnly(0, ALLOWED_FAMILIES, EAFNOSUPPORT)),
    ...forCall(machine, 'personality', allowOnly(0, ALLOWED_PERSONALITIES, EPERM)),
    ...forCall(machine, 'ioctl', [
      loadArgument(1),
      ...REFUSED_CONTROLS.flatMap((control) => [skipWhenEqual(control, 0, 1), decide(refuse(EPERM))]),
      decide(ALLOW),
    ]),
    decide(ALLOW),
  ])
}

/** Instructions that decide one call; every other call goes past them. They may load something else, so they must decide. */
function forCall(machine: Machine, call: SystemCall, instructions: readonly Buffer[]): readonly Buffer[] {
  const number = findSystemCall(call, machine)
  return number === undefined ? [] : [skipWhenEqual(number, 0, instructions.length), ...instructions]
}

function allowOnly(argument: number, values: readonly number[], errno: number): readonly Buffer[] {
  return [
    loadArgument(argument),
    ...values.flatMap((value) => [skipWhenEqual(value, 0, 1), decide(ALLOW)]),
    decide(refuse(errno)),
  ]
}

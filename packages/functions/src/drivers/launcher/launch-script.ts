import { constants } from 'node:os'
import { Script, type DataReference, type Label } from './script.ts'
import type { Machine } from './machine.ts'

/** One program: an absolute path, or a name that is looked up in its PATH. */
export interface Program {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** The user inside, as on AWS. */
export const INSIDE_UID = 993
export const INSIDE_GID = 990

export interface LaunchOptions {
  readonly machine: Machine
  /** Descriptors of `cgroup.procs` that the launcher writes itself into; none: it is there already. */
  readonly cgroups: readonly number[]
  /** Takes the Runtime API's address in its own network namespace and hands the listening socket to the engine. */
  readonly listen: { readonly port: number } | undefined
  /** Networks that its own cannot reach whatever is connected to it later: `169.254.0.0/16`. Needs CAP_NET_ADMIN. */
  readonly unreachable: readonly string[]
  /** Waits for one more byte on its standard input before anything of the function runs (the network is being set up). */
  readonly waitForGo: boolean
  /** Gives up root for this user of the host and enters a user namespace of its own; undefined: bubblewrap made the namespace. */
  readonly becomeUser: number | undefined
  readonly maxProcesses: number | undefined
  /** Classic BPF, of seccomp(2). */
  readonly filter: Buffer
  readonly workingDirectory: string
  readonly main: Program
  readonly companions: readonly Program[]
}

/** Descriptors of the launcher when it starts: the script, nothing, its reports, Node.js' channel. */
const SCRIPT_INPUT = 0
export const REPORTS = 2
export const CHANNEL = 3
/** Where it puts what it needs later. Above all that the engine and bubblewrap could have left open. */
const KEPT_REPORTS = 900
const KEPT_CHANNEL = 901
const KEPT_OUTPUT = 902
const KEPT_ERRORS = 903
const KEPT_INPUT = 904

/** Before the status of wait4(2) in the launcher's report that the main program has ended. */
export const EXIT_MARK = Buffer.from('\0EXITED\0\0', 'latin1')
export const COULD_NOT_START = 126

const CLOSE_ON_EXEC = 0o2000000
/** Node.js takes for granted that what it is handed does not block: a read that filled its buffer would stop the engine until there is more. */
const NON_BLOCKING = 0o4000
const F_SETFL = 4
export const PR_SET_PDEATHSIG = 1
const PR_SET_DUMPABLE = 4
const PR_SET_NO_NEW_PRIVS = 38
const SECCOMP_SET_MODE_FILTER = 1
const CLONE_NEWUSER = 0x1000_0000
const SIOCADDRT = 0x890b
const RTF_UP = 1
const RTF_REJECT = 0x200
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const MSG_WAITALL = 0x100
const AT_FDCWD = -100
export const ALL = 0xffff_ffff

/**
 * What the launcher does inside a sandbox, from joining its cgroups to reporting how the program ended. The launcher is process 1 of the
 * sandbox: it starts the programs, reaps what they leave, and when it ends the kernel ends all others.
 */
export function launchScript(options: LaunchOptions): Script {
  const script = new Script(options.machine)
  joinCgroups(script, options.cgroups)
  script.call('dup3', [REPORTS, KEPT_REPORTS, CLOSE_ON_EXEC])
  script.call('dup3', [CHANNEL, KEPT_CHANNEL, CLOSE_ON_EXEC])
  script.call('dup3', [SCRIPT_INPUT, KEPT_INPUT, CLOSE_ON_EXEC])
  // From here 0 and 1 are free, so that what is opened next gets these numbers.
  script.call('close', [0])
  script.call('close', [1], { whenError: 'next' })
  if (options.listen !== undefined) handOverListener(script, options.listen.port)
  makeUnreachable(script, options.unreachable)
  if (options.becomeUser !== undefined) becomeUser(script, options.becomeUser)
  dropCapabilities(script)
  // Before the pipes: an engine that ended before this is noticed by handing them over, one that ends later by the signal.
  limitResources(script, options.maxProcesses)
  // The pipes belong to the user who made them, and only that one can open /dev/stderr.
  handOverPipe(script, 'stdout', KEPT_OUTPUT)
  handOverPipe(script, 'stderr', KEPT_ERRORS)
  script.call('openat', [AT_FDCWD, script.text('/dev/null'), 2], { purpose: 'open /dev/null' })
  script.call('dup3', [KEPT_OUTPUT, 1, 0])
  script.call('dup3', [KEPT_ERRORS, 2, 0])
  if (options.waitForGo) script.call('read', [KEPT_INPUT, script.bytes(Buffer.alloc(8)), 1])
  // Descriptors of the host must not reach the function: through one of a folder it could leave its root.
  script.call('close_range', [3, KEPT_REPORTS - 1, 0])
  script.call('close_range', [KEPT_CHANNEL + 1, ALL, 0])
  script.call('chdir', [script.text(options.workingDirectory)], { purpose: `chdir ${options.workingDirectory}` })
  filterSystemCalls(script, options.filter)
  // The launcher's memory and descriptors are none of the programs' business, from their first instruction on; execve(2) makes theirs readable again.
  script.call('prctl', [PR_SET_DUMPABLE, 0, 0, 0, 0])
  for (const companion of options.companions) startProgram(script, companion, undefined)
  const mainPid = script.bytes(Buffer.alloc(8))
  startProgram(script, options.main, mainPid)
  awaitReceipts(script, options.listen === undefined ? 2 : 3)
  waitForMain(script, mainPid)
  script.endWithReport(KEPT_REPORTS, COULD_NOT_START)
  return script
}

export function joinCgroups(script: Script, descriptors: readonly number[]): void {
  const self = script.text('0')
  for (const descriptor of descriptors) script.call('write', [descriptor, self, 1], { purpose: 'join the cgroup' })
}

/** Node.js takes a descriptor from a channel when it comes with this message; see `sendmsg(2)`, `cmsg(3)`. */
function handOver(script: Script, what: string): void {
  const text = Buffer.from(`${JSON.stringify({ cmd: 'NODE_HANDLE', type: 'net.Native', msg: what })}\n`)
  const vector = Buffer.alloc(16)
  vector.writeUInt32LE(text.length, 8)
  const control = Buffer.alloc(24)
  control.writeUInt32LE(20, 0) // cmsg_len
  control.writeUInt32LE(SOL_SOCKET, 8)
  control.writeUInt32LE(1, 12) // SCM_RIGHTS
  control.writeUInt32LE(0, 16) // descriptor 0
  const message = Buffer.alloc(56)
  message.writeUInt32LE(1, 24) // msg_iovlen
  message.writeUInt32LE(control.length, 40) // msg_controllen
  const header = script.withPointers(message, {
    16: script.withPointers(vector, { 0: script.bytes(text) }),
    32: script.bytes(control),
  })
  script.call('sendmsg', [CHANNEL, header, 0], { purpose: `hand over ${what}` })
  script.call('close', [0])
}

/**
 * Node.js answers each descriptor with this text. Were the channel closed before, its write would fail and the descriptors it has not read
 * would be lost.
 */
const RECEIPT = '{"cmd":"NODE_HANDLE_ACK"}\n'
const RECEIPT_PATIENCE_S = 5

function awaitReceipts(script: Script, count: number): void {
  const bytes = RECEIPT.length * count
  const patience = Buffer.alloc(16)
  patience.writeUInt32LE(RECEIPT_PATIENCE_S, 0)
  script.call('setsockopt', [KEPT_CHANNEL, SOL_SOCKET, SO_RCVTIMEO, script.bytes(patience), patience.length])
  const receipts = script.bytes(Buffer.alloc(bytes))
  script.call('recvfrom', [KEPT_CHANNEL, receipts, bytes, MSG_WAITALL, 0, 0], { whenError: 'next' })
  script.call('close', [KEPT_CHANNEL])
}

function handOverListener(script: Script, port: number): void {
  const address = Buffer.from([2, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  script.call('socket', [2, 1 | CLOSE_ON_EXEC | NON_BLOCKING, 0])
  script.call('bind', [0, script.bytes(address), address.length], { purpose: 'bind the Runtime API' })
  script.call('listen', [0, 64])
  handOver(script, 'listener')
}

/** Routes to nowhere: `struct rtentry` of route(7). A function has no right to take them away. With descriptor 0 free. */
function makeUnreachable(script: Script, networks: readonly string[]): void {
  if (networks.length === 0) return
  script.call('socket', [2, 2 | CLOSE_ON_EXEC, 0])
  for (const network of networks) {
    const [address = '', length = '32'] = network.split('/')
    const mask = (0xffff_ffff << (32 - Number(length))) >>> 0
    const entry = Buffer.alloc(120)
    entry.writeUInt16LE(2, 8) // rt_dst.sa_family
    for (const [index, part] of address.split('.').entries()) {
      entry[12 + index] = Number(part) & (mask >>> (24 - index * 8))
    }
    entry.writeUInt16LE(2, 40) // rt_genmask.sa_family
    entry.writeUInt32BE(mask, 44)
    entry.writeUInt16LE(RTF_UP | RTF_REJECT, 56)
    script.call('ioctl', [0, SIOCADDRT, script.bytes(entry)], { purpose: `make ${network} unreachable` })
  }
  script.call('close', [0])
}

/** Pipes rather than Node's own, which are sockets: `echo > /dev/stderr` opens the file again, and a socket cannot be opened. */
function handOverPipe(script: Script, what: 'stdout' | 'stderr', keep: number): void {
  script.call('pipe2', [script.bytes(Buffer.alloc(8)), CLOSE_ON_EXEC]) // 0 to read, 1 to write
  script.call('fcntl', [0, F_SETFL, NON_BLOCKING])
  handOver(script, what)
  script.call('dup3', [1, keep, CLOSE_ON_EXEC])
  script.call('close', [1])
}

function becomeUser(script: Script, uid: number): void {
  script.call('setgroups', [0, 0])
  script.call('setresgid', [uid, uid, uid])
  // The saved user stays root, so that bubblewrap, which is root without rights, may still send the signal of its end. In the user namespace
  // nobody can go back to it, and execve(2) replaces it.
  script.call('setresuid', [uid, uid, 0])
  // Whoever gave up root does not own its own files in /proc until this.
  script.call('prctl', [PR_SET_DUMPABLE, 1, 0, 0, 0])
  script.call('unshare', [CLONE_NEWUSER], { purpose: 'make a user namespace' })
  writeFile(script, '/proc/self/setgroups', 'deny')
  writeFile(script, '/proc/self/uid_map', `${INSIDE_UID} ${uid} 1`)
  writeFile(script, '/proc/self/gid_map', `${INSIDE_GID} ${uid} 1`)
}

/** Whoever makes a user namespace has every right in it. */
function dropCapabilities(script: Script): void {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x2008_0522, 0) // _LINUX_CAPABILITY_VERSION_3
  script.call('capset', [script.bytes(header), script.bytes(Buffer.alloc(24))])
}

/** With descriptor 0 free. */
function writeFile(script: Script, path: string, text: string): void {
  script.call('openat', [AT_FDCWD, script.text(path), 1], { purpose: `open ${path}` })
  script.call('write', [0, script.text(text), text.length], { purpose: `write ${path}` })
  script.call('close', [0])
}

function limitResources(script: Script, maxProcesses: number | undefined): void {
  // A change of user clears what bubblewrap has set.
  script.call('prctl', [PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0])
  limit(script, 7, 1024) // RLIMIT_NOFILE
  limit(script, 4, 0) // RLIMIT_CORE
  if (maxProcesses !== undefined) limit(script, 6, maxProcesses) // RLIMIT_NPROC
}

function limit(script: Script, resource: number, value: number): void {
  const limits = Buffer.alloc(16)
  limits.writeUInt32LE(value, 0)
  limits.writeUInt32LE(value, 8)
  script.call('prlimit64', [0, resource, script.bytes(limits), 0], { purpose: 'set a resource limit' })
}

function filterSystemCalls(script: Script, filter: Buffer): void {
  const program = Buffer.alloc(16)
  program.writeUInt16LE(filter.length / 8, 0)
  script.call('prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0])
  script.call('seccomp', [SECCOMP_SET_MODE_FILTER, 0, script.withPointers(program, { 8: script.bytes(filter) })])
}

/** In the child everything that has a number above 2 goes when the program starts; until then it can still report. */
function startProgram(script: Script, program: Program, pid: DataReference | undefined): void {
  const child: Label = { at: undefined }
  const parent: Label = { at: undefined }
  script.call('clone', [constants.signals.SIGCHLD, 0, 0, 0, 0], {
    purpose: 'fork',
    whenZero: child,
    next: parent,
    ...(pid === undefined ? {} : { into: pid }),
  })
  script.place(child)
  script.call('setsid', [], { whenError: 'next' })
  const parameters = script.textList(program.command)
  const variables = script.textList(Object.entries(program.environment).map(([name, value]) => `${name}=${value}`))
  const paths = pathsOf(program)
  paths.forEach((path, index) => {
    const last = index === paths.length - 1
    script.call('execve', [script.text(path), parameters, variables], {
      purpose: `exec ${path}`,
      ...(last ? {} : { whenError: 'next' as const }),
    })
  })
  script.place(parent)
}

/** Where execve(2) finds a program, in the order to try. */
export function pathsOf(program: Program): readonly string[] {
  const name = program.command[0] ?? ''
  if (name.includes('/')) return [name]
  const folders = (program.environment['PATH'] ?? '/usr/bin:/bin').split(':').filter((folder) => folder !== '')
  return folders.length === 0 ? [name] : folders.map((folder) => `${folder}/${name}`)
}

function waitForMain(script: Script, mainPid: DataReference): void {
  script.call('close_range', [0, KEPT_REPORTS - 1, 0])
  const report = script.bytes(Buffer.concat([EXIT_MARK, Buffer.alloc(8)]))
  const status = { data: report.data + EXIT_MARK.length }
  const wait: Label = { at: undefined }
  const ended: Label = { at: undefined }
  script.place(wait)
  script.call('wait4', [-1, status, 0, 0], { compare: mainPid, whenEqual: ended, next: wait })
  script.place(ended)
  script.call('write', [KEPT_REPORTS, report, EXIT_MARK.length + 8], { whenError: 'next' })
  script.call('exit_group', [0])
}

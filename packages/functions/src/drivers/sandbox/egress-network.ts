import { spawn, type ChildProcess } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { findExecutable } from '../find-executable.ts'

/** slirp4netns' own network is 10.0.2.0/24: the sandbox is .100, the way out .2, the name server .3. */
export const EGRESS_RESOLVER = '10.0.2.3'

/** The metadata services of clouds hand out the host's credentials. */
const LINK_LOCAL = '169.254.0.0/16'
/** RFC 1918, and RFC 6598 for carriers. */
const PRIVATE_NETWORKS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10']

export const NO_EGRESS = 'the network egress needs slirp4netns, which is not installed: apt-get install slirp4netns'

/** The way out of a sandbox: TCP and UDP to the world by slirp4netns, a network stack in a process of its own without rights. */
export interface EgressNetwork {
  /** Of the launcher: networks that stay out of reach. */
  readonly unreachable: readonly string[]
  /** @param pid of a process in the network namespace, as the host sees it */
  connect(pid: number, ready: (failure: string | undefined) => void): ChildProcess
}

/** @returns undefined: slirp4netns is not installed */
export function egressNetwork(privateNetworks: boolean): EgressNetwork | undefined {
  const program = findExecutable('slirp4netns')
  if (program === undefined) return undefined
  return {
    // Through its own addresses the host's services would be in reach, the control API among them.
    unreachable: [...new Set([LINK_LOCAL, ...(privateNetworks ? [] : PRIVATE_NETWORKS), ...ownAddresses()])],
    connect: (pid, ready) => connect(program, pid, ready),
  }
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => address.family === 'IPv4' && !address.internal)
    .map((address) => `${address.address}/32`)
}

const READY = 3
const EXIT = 4

function connect(program: string, pid: number, ready: (failure: string | undefined) => void): ChildProcess {
  const list = [
    '--configure',
    '--mtu=65520',
    '--disable-host-loopback',
    '--enable-sandbox',
    '--enable-seccomp',
    `--ready-fd=${READY}`,
    // It ends when the engine does.
    `--exit-fd=${EXIT}`,
    '--netns-type=path',
    // Root made the network before there was a user namespace, and anybody else in one.
    ...(process.getuid?.() === 0 ? [] : [`--userns-path=/proc/${pid}/ns/user`]),
    `/proc/${pid}/ns/net`,
    'tap0',
  ]
  const child = spawn(program, list, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], env: {} })
  let errors = ''
  let told = false
  const tell = (failure: string | undefined): void => {
    if (told) return
    told = true
    ready(failure)
  }
  child.stderr!.on('data', (bytes: Buffer) => {
    if (errors.length < 4096) errors += String(bytes)
  })
  child.stdio[READY]!.once('data', () => tell(undefined))
  for (const stream of child.stdio) stream?.on('error', () => undefined)
  child.once('error', (error) => tell(`slirp4netns: ${error.message}`))
  child.once('close', () => tell(`slirp4netns: ${errors.trim()}`))
  return child
}

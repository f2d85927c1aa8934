import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { parseElf } from './elf-file.ts'
import type { RuntimeProblem } from './launch-plan.ts'

/** Which of the two places a `bootstrap` was found in. */
export type BootstrapPlace = 'task' | 'layers'

const RUST_TARGETS: Readonly<Record<string, string>> = {
  x64: 'x86_64-unknown-linux-gnu',
  arm64: 'aarch64-unknown-linux-gnu',
}
const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** Facts of the host that programs depend on; tests put others here. */
export interface HostFacts {
  readonly architecture: string
  readonly exists: (path: string) => boolean
  /** Minor version of its glibc 2.x; undefined: not glibc. */
  readonly glibcMinor: () => number | undefined
}

export const thisHost: HostFacts = { architecture: process.arch, exists: existsSync, glibcMinor: hostGlibcMinor }

/**
 * Finds the program of a `provided` function, `/var/task/bootstrap` before `/opt/bootstrap`, and looks whether this host can start it: a wrong
 * architecture or a missing loader would show as an exit without a word.
 */
export function findBootstrap(fn: DeployedFunction, host: HostFacts = thisHost): BootstrapPlace | RuntimeProblem {
  const places: readonly (readonly [BootstrapPlace, string | undefined, string])[] = [
    ['task', fn.taskDirectory, '/var/task/bootstrap'],
    ['layers', fn.layersDirectory, '/opt/bootstrap'],
  ]
  for (const [place, folder, name] of places) {
    const path = folder && join(folder, 'bootstrap')
    if (path === undefined || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue
    const why = whyNot(path, host)
    return why === undefined ? place : problem(`fork/exec ${name}: ${why}`)
  }
  return problem("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
}

const problem = (message: string): RuntimeProblem => ({ errorType: 'Runtime.InvalidEntrypoint', message })

const LOOKED_AT_BYTES = 1_048_576

/** @returns undefined: nothing speaks against it */
function whyNot(path: string, host: HostFacts): string | undefined {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return 'permission denied (it is not executable: chmod +x bootstrap before zipping)'
  }
  const file = startOf(path)
  if (file.length === 0) return 'exec format error (the file is empty)'
  if (file.subarray(0, 2).toString('latin1') === '#!') return scriptProblem(file, host)
  const elf = parseElf(file)
  if (elf === undefined) return `exec format error (${strangerName(file)})`
  if (elf.machine !== host.architecture) {
    const advice = `cargo build --release --target ${RUST_TARGETS[host.architecture]}, or GOOS=linux GOARCH=${GO_ARCHITECTURES[host.architecture]} go build`
    return `exec format error (it is built for ${elf.machine}, and this host is ${host.architecture}: ${advice})`
  }
  if (elf.loader !== undefined && !host.exists(elf.loader)) return missingLoader(elf.loader)
  return elf.glibcMinor === undefined ? undefined : glibcProblem(elf.glibcMinor, host)
}

/** What is looked at is at the start; a program may be 250 MB, and the engine waits while it is read. */
function startOf(path: string): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY)
  try {
    const start = Buffer.allocUnsafe(Math.min(fstatSync(descriptor).size, LOOKED_AT_BYTES))
    return start.subarray(0, readSync(descriptor, start, 0, start.length, 0))
  } finally {
    closeSync(descriptor)
  }
}

function scriptProblem(file: Buffer, host: HostFacts): string | undefined {
  const line = file.toString('latin1', 2, 256).split('\n', 1)[0]!
  if (line.endsWith('\r')) return 'no such file or directory (its lines end in CR LF: save it with LF line ends)'
  const interpreter = line.trim().split(/\s+/, 1)[0]!
  if (host.exists(interpreter)) return undefined
  return `no such file or directory (its first line asks for ${interpreter}, which this host does not have)`
}

function strangerName(file: Buffer): string {
  const magic = file.length < 4 ? 0 : file.readUInt32BE(0)
  if (magic === 0xcffaedfe || magic === 0xcafebabe) return 'it is built for macOS: build it for Linux'
  if (file.subarray(0, 2).toString('latin1') === 'MZ') return 'it is built for Windows: build it for Linux'
  return 'neither a Linux program nor a script: a script begins with #!/bin/sh'
}

function missingLoader(loader: string): string {
  const advice = loader.includes('musl')
    ? 'it needs musl: link it statically, which is the default of cargo build --target x86_64-unknown-linux-musl'
    : 'link it statically (Go: CGO_ENABLED=0; Rust: a musl target)'
  return `no such file or directory (its loader ${loader} is missing here: ${advice})`
}

function glibcProblem(wanted: number, host: HostFacts): string | undefined {
  const there = host.glibcMinor()
  if (there === undefined || wanted <= there) return undefined
  return `version \`GLIBC_2.${wanted}' not found (this host has glibc 2.${there}: build it on an older system, with cargo zigbuild, or for a musl target)`
}

let known: number | undefined

function hostGlibcMinor(): number | undefined {
  if (known !== undefined) return known
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  const minor = Number(report.header?.glibcVersionRuntime?.split('.')[1])
  if (Number.isInteger(minor)) known = minor
  return known
}

import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Failure } from '../../failure.ts'
import { folderFiles } from '../packing/folder-files.ts'
import type { Builder, Built, Project } from './build.ts'
import { runTool } from './run-tool.ts'

const INSTALL = 'get Rust from https://rustup.rs, then try again'
const MACHINES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' }

/** The parts of cargo's messages that matter here. */
interface CargoMessage {
  readonly reason: string
  readonly executable?: string | null
  readonly target?: { readonly name: string; readonly kind: readonly string[] }
}

/** A program in Rust. */
export async function cargoBuilder({ folder, settings }: Project): Promise<Builder> {
  const target = settings.target ?? (await staticTarget(folder))
  const args = ['build', '--release', ...(target === undefined ? [] : ['--target', target])]
  return {
    what: `cargo ${args.join(' ')}`,
    watched: [folder],
    close: async () => undefined,
    async build(): Promise<Built> {
      const printed = await runTool('cargo', [...args, '--message-format=json-render-diagnostics'], {
        cwd: folder,
        install: INSTALL,
      })
      const program = programOf(printed, folder, settings.bin)
      const { size } = await stat(program)
      const beside = settings.include === undefined ? [] : await folderFiles(folder, settings)
      return {
        runtime: settings.runtime ?? 'provided.al2023',
        handler: settings.handler ?? 'bootstrap',
        files: [{ path: 'bootstrap', source: program, executable: true, bytes: size }, ...beside],
        notes: target === undefined ? [ofThisSystem()] : [],
      }
    },
  }
}

const ofThisSystem = (): string =>
  process.platform === 'linux'
    ? `built for the C library of this machine; "rustup target add ${musl()}" makes programs that run on any Linux`
    : 'built for this machine, for an engine that runs on it'

const musl = (): string => `${MACHINES[process.arch] ?? process.arch}-unknown-linux-musl`

/** A program without a C library runs on every Linux; undefined where its target is not installed. */
async function staticTarget(folder: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  const root = (await runTool('rustc', ['--print', 'sysroot'], { cwd: folder, install: INSTALL })).trim()
  return existsSync(join(root, 'lib/rustlib', musl())) ? musl() : undefined
}

/** @param printed a JSON message a line */
export function programOf(printed: string, folder: string, wanted: string | undefined): string {
  const programs = new Map<string, string>()
  for (const line of printed.split('\n')) {
    if (!line.startsWith('{')) continue
    const { reason, executable, target } = JSON.parse(line) as CargoMessage
    if (reason === 'compiler-artifact' && typeof executable === 'string' && target?.kind.includes('bin') === true)
      programs.set(target.name, executable)
  }
  const names = [...programs.keys()]
  const name =
    wanted ?? (names.length === 1 ? names[0] : ['bootstrap', basename(folder)].find((one) => programs.has(one)))
  const program = name === undefined ? undefined : programs.get(name)
  if (program !== undefined) return program
  if (names.length === 0) throw new Failure(`cargo built no program in ${folder}: a function needs src/main.rs`)
  const what = wanted === undefined ? 'has several programs' : `has no program "${wanted}"`
  throw new Failure(`${folder} ${what}: name one by "bin" in function.yaml; there is ${names.join(', ')}`)
}

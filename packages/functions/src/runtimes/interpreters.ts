import { execFile } from 'node:child_process'
import { openSync, closeSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import type { RuntimeProblem } from './launch-plan.ts'
import { parseRuntime, type RuntimeName } from './runtime-names.ts'

/**
 * By runtime, the interpreter that runs it: a path (`{ "nodejs24.x": "/opt/node24/bin/node" }`), or another runtime whose interpreter may stand in
 * (`{ "nodejs20.x": "nodejs24.x" }`), which nothing else lets it do.
 */
export type InterpreterSettings = Readonly<Record<string, string>>

/** Where to look; tests look elsewhere. */
export interface InterpreterSearch {
  /** Executable of this process and the major version of its Node.js. */
  readonly own: { readonly path: string; readonly major: string }
  /** `PATH` */
  readonly path: string
  /** `node_modules` here and above may hold a Node.js from npm. */
  readonly folder: string
}

const VERSION_LIMIT_MS = 5000

const here = (): InterpreterSearch => ({
  own: { path: process.execPath, major: majorOf(process.version) },
  path: process.env['PATH'] ?? '',
  folder: process.cwd(),
})

/** The interpreters of this host by runtime: found when the engine starts, asked for when a function is. */
export class Interpreters {
  private readonly settings: InterpreterSettings
  /** `nodejs24`, `python3.12` -> path */
  private readonly found: ReadonlyMap<string, string>
  /** Path of a Node.js -> its major version. */
  private readonly majors: ReadonlyMap<string, string>

  private constructor(
    settings: InterpreterSettings,
    found: ReadonlyMap<string, string>,
    majors: ReadonlyMap<string, string>,
  ) {
    this.settings = settings
    this.found = found
    this.majors = majors
  }

  static async find(settings: InterpreterSettings, search: InterpreterSearch = here()): Promise<Interpreters> {
    const found = new Map([[`nodejs${search.own.major}`, search.own.path]])
    const configured = Object.values(settings).filter((value) => value.includes('/'))
    const majors = new Map([[search.own.path, search.own.major]])
    for (const path of [...configured, ...nodeCandidates(search)]) {
      const real = executable(path)
      if (real === undefined || majors.has(real) || basename(real).startsWith('python')) continue
      const major = (await nodeMajor(real)) ?? ''
      majors.set(real, major)
      if (major !== '' && !found.has(`nodejs${major}`)) found.set(`nodejs${major}`, real)
    }
    for (const [name, path] of pythons(search.path)) if (!found.has(name)) found.set(name, path)
    return new Interpreters(settings, found, majors)
  }

  /** Runtimes that can run here, for messages and `doctor`: `[["nodejs20", "/usr/bin/node"], …]`. */
  get all(): readonly (readonly [string, string])[] {
    return [...this.found]
  }

  /** @param runtime `nodejs24.x`, `python3.12` */
  of(runtime: string): string | RuntimeProblem {
    const name = parseRuntime(runtime)
    if (name === undefined) return problem(`there is no runtime ${runtime}`)
    const setting = this.settings[runtime]
    if (setting !== undefined)
      return setting.includes('/') ? this.configured(runtime, name, setting) : this.substitute(runtime, setting)
    return this.found.get(keyOf(name)) ?? problem(`${this.missing(runtime, name)}`)
  }

  private configured(runtime: string, name: RuntimeName, path: string): string | RuntimeProblem {
    const real = executable(path)
    if (real === undefined) return problem(`interpreters["${runtime}"] is ${path}, which is no executable file`)
    if (name.family !== 'nodejs') return real
    const major = this.majors.get(real)
    if (major === name.version) return real
    if (major === undefined || major === '')
      return problem(`interpreters["${runtime}"] is ${path}, which is no Node.js`)
    const advice = `to run it on that version all the same, say interpreters: { "${runtime}": "nodejs${major}.x" }`
    return problem(`interpreters["${runtime}"] is ${path}, which is Node.js ${major}; ${advice}`)
  }

  private substitute(runtime: string, other: string): string | RuntimeProblem {
    // Any version that was found will do, also one that is no runtime of its own.
    const path = this.found.get(other.replace(/\.x$/, ''))
    return (
      path ?? problem(`interpreters["${runtime}"] is ${other}, which this host does not have; there is ${this.names()}`)
    )
  }

  private missing(runtime: string, { family, version }: RuntimeName): string {
    const setting = `set functions.interpreters: { "${runtime}": "/path/to/${family === 'nodejs' ? 'node' : `python${version}`}" }`
    if (family !== 'nodejs')
      return `no Python ${version} on this host: install python${version}, or ${setting}; there is ${this.names()}`
    const get = `npm i node-${process.platform}-${process.arch}@${version} where the engine is started`
    return `no Node.js ${version} on this host: ${get}, or ${setting}; there is ${this.names()}`
  }

  private names(): string {
    return this.all.map(([name, path]) => `${name} (${path})`).join(', ')
  }
}

const keyOf = ({ family, version }: RuntimeName): string => `${family}${version}`
const majorOf = (version: string): string => /^v?(\d+)\./.exec(version)?.[1] ?? ''
const problem = (message: string): RuntimeProblem => ({ errorType: 'Runtime.InvalidRuntime', message })

function nodeCandidates({ path, folder }: InterpreterSearch): readonly string[] {
  const names = ['node', 'nodejs', 'node20', 'node22', 'node24']
  const candidates = path.split(delimiter).flatMap((entry) => names.map((name) => join(entry, name)))
  for (let at = folder; ; at = dirname(at)) {
    for (const name of [`node-${process.platform}-${process.arch}`, 'node']) {
      candidates.push(join(at, 'node_modules', name, 'bin/node'))
    }
    if (at === dirname(at)) return candidates
  }
}

/** Pythons say their version in their name; wrappers that choose one (pyenv) are scripts and do not count. */
function pythons(path: string): readonly (readonly [string, string])[] {
  const found: [string, string][] = []
  for (const entry of path.split(delimiter)) {
    for (let minor = 9; minor <= 14; minor++) {
      const name = `python3.${minor}`
      const real = executable(join(entry, name))
      if (real !== undefined && !isScript(real)) found.push([name, real])
    }
  }
  return found
}

/** @returns the file itself, behind links; undefined when there is none that may be executed */
function executable(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0 ? realpathSync(path) : undefined
}

function isScript(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const start = Buffer.alloc(2)
    readSync(file, start, 0, 2, 0)
    return start.toString('latin1') === '#!'
  } finally {
    closeSync(file)
  }
}

const nodeMajor = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: VERSION_LIMIT_MS, env: {} }, (error, output) => {
      resolve(error === null ? majorOf(output.trim()) || undefined : undefined)
    })
  })

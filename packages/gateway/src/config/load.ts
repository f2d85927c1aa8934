import { readFile, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { ResourceKind } from '../resources/kind-names.ts'
import type { Environment } from './environment.ts'
import { readJson } from './json/read-json.ts'
import type { BundleOptions } from './module/bundle.ts'
import { readModule } from './module/read-module.ts'
import { type ConfigProblem, type Finding, Findings, MAX_PROBLEMS, shortText } from './problem.ts'
import { type ConfigSource, NO_PLACE, type Place, type ReadResult } from './source.ts'
import { type ValidationOptions, type ValidConfiguration, validateDocument } from './validate.ts'
import { readYaml } from './yaml/read-yaml.ts'

/** 10,000 routes of the length that people write are 2 MB; this is for 300,000. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024

export interface LoadOptions extends Omit<ValidationOptions, 'environment'>, BundleOptions {
  /** Left out: `process.env`. */
  readonly environment?: Environment
}

export interface LoadedConfig extends Omit<ValidConfiguration, 'withoutSecrets'> {
  readonly file: string
  /** Resources that are left out because their secrets could not be read, and why. */
  readonly withoutSecrets: readonly LeftOut[]
}

export interface LeftOut {
  readonly kind: ResourceKind
  readonly id: string
  readonly problems: readonly ConfigProblem[]
}

/** A configuration, or everything that is wrong with it. */
export type LoadResult =
  | { readonly config: LoadedConfig; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[]; readonly config?: undefined }

/**
 * Reads and checks a configuration file: YAML, JSON, TypeScript or JavaScript by its extension. Never throws for
 * what stands in the file, or because it cannot be read.
 */
export async function loadConfig(file: string, options: LoadOptions): Promise<LoadResult> {
  return checkSource(file, await readConfigFile(file, options), options)
}

/** The same for a text at hand. `file` names it in problems, and its extension gives the format: YAML or JSON. */
export async function loadConfigText(file: string, text: string, options: LoadOptions): Promise<LoadResult> {
  return checkSource(file, readText(file, text, options.environment ?? process.env), options)
}

async function checkSource(file: string, read: ReadResult, options: LoadOptions): Promise<LoadResult> {
  if ('findings' in read) {
    return { problems: ordered(read.findings.map((finding) => problem(file, finding, finding.place))) }
  }
  const { source } = read
  const findings = new Findings()
  const environment = options.environment ?? process.env
  const valid = await validateDocument(source.value, file, { ...options, environment }, findings)
  if (valid !== undefined) {
    const withoutSecrets = valid.withoutSecrets.map(({ kind, id, findings: reasons }) => ({
      kind,
      id,
      problems: reasons.map((finding) => locate(source, finding)),
    }))
    return { config: { file, ...valid, withoutSecrets } }
  }
  return { problems: ordered(findings.list.map((finding) => locate(source, finding))) }
}

const MODULES = new Set(['.ts', '.mts', '.js', '.mjs'])

/** Reads a file without checking what it says. Never throws. */
export async function readConfigFile(
  file: string,
  options: Pick<LoadOptions, 'environment' | 'gateway'>,
): Promise<ReadResult> {
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) return unreadable(`has ${size} bytes, more than the ${MAX_FILE_BYTES} that are read`)
    if (MODULES.has(extname(file))) return await readModule(file, options)
    return readText(file, await readFile(file, 'utf8'), options.environment ?? process.env)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return unreadable(code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`)
  }
}

function readText(file: string, text: string, environment: Environment): ReadResult {
  switch (extname(file)) {
    case '.yaml':
    case '.yml':
      return readYaml(file, text, environment)
    case '.json':
      return readJson(file, text)
    default:
      return unreadable('has no extension that tells its format; known are .yaml, .yml, .json, .ts, .js and .mjs')
  }
}

const unreadable = (message: string): ReadResult => ({ findings: [{ path: '', message, place: NO_PLACE }] })

function locate(source: ConfigSource, finding: Finding): ConfigProblem {
  return problem(source.file, finding, source.locate(finding.path, finding.atKey === true))
}

function problem(file: string, { path, value, message, remedy }: Finding, place: Place): ConfigProblem {
  const { line, column, source, written } = place
  // What an environment variable held may be a secret; what the file says is not.
  // Remedies may repeat the value.
  if (written !== undefined)
    return { file, line, column, path, value: value && shortText(written), message, remedy: undefined, source }
  return { file, line, column, path, value, message, remedy, source }
}

function ordered(problems: ConfigProblem[]): ConfigProblem[] {
  return problems
    .sort((a, b) => a.line - b.line || a.column - b.column || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    .slice(0, MAX_PROBLEMS)
}

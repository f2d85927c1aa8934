import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { explainSchema } from '@sekisho/gateway/internal/config/explain/explain'
import { readConfigFile } from '@sekisho/gateway/internal/config/load'
import type { Finding } from '@sekisho/gateway/internal/config/problem'
import { renderProblems } from '@sekisho/gateway/internal/config/render'
import type { Place } from '@sekisho/gateway/internal/config/source'
import { Failure } from '../../failure.ts'
import { FunctionFile } from './settings-schema.ts'

const FILES = ['function.yaml', 'function.yml', 'function.json']

/** What a folder says of its function: function.yaml, or `sekisho` in package.json. Throws Failure with file, line and what would be right. */
export async function readFunctionFile(folder: string): Promise<FunctionFile> {
  const found = FILES.filter((name) => existsSync(join(folder, name)))
  const inPackage = await packageSettings(folder)
  if (found.length + (inPackage === undefined ? 0 : 1) > 1) {
    const names = [...found, ...(inPackage === undefined ? [] : ['"sekisho" in package.json'])]
    throw new Failure(`${folder} has ${names.join(' and ')}; keep one of them`)
  }
  if (inPackage !== undefined) return checked(inPackage, (finding) => ({ ...finding, ...nowhere(folder, finding) }))
  const [name] = found
  return name === undefined ? {} : readSettingsFile(join(folder, name))
}

async function readSettingsFile(file: string): Promise<FunctionFile> {
  const read = await readConfigFile(file, { environment: process.env })
  if ('findings' in read) throw problems(read.findings.map((finding) => at(file, finding, finding.place)))
  const { value, locate } = { value: read.source.value ?? {}, locate: read.source.locate.bind(read.source) }
  return checked(value, (finding) => at(file, finding, locate(finding.path, finding.atKey === true)))
}

type Problem = Parameters<typeof renderProblems>[0][number]

function checked(value: unknown, place: (finding: Finding) => Problem): FunctionFile {
  const findings = explainSchema(FunctionFile, value, '')
  if (findings.length > 0) throw problems(findings.map(place))
  return value as FunctionFile
}

const problems = (list: readonly Problem[]): Failure =>
  new Failure(`the settings of the function are not valid\n${renderProblems(list).trimEnd()}`)

const at = (file: string, { path, value, message, remedy }: Finding, { line, column, source }: Place): Problem => ({
  file,
  line,
  column,
  path,
  value,
  message,
  remedy,
  source,
})

const nowhere = (folder: string, finding: Finding): Problem => ({
  ...at(join(folder, 'package.json'), finding, { line: 0, column: 0, source: undefined }),
  path: `/sekisho${finding.path}`,
})

/** `package.json` as far as it matters here; undefined when there is none. Throws Failure for one that is no JSON. */
export async function readPackageJson(folder: string): Promise<PackageJson | undefined> {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(await readFile(file, 'utf8')) as PackageJson
  } catch (error) {
    throw new Failure(`${file} is no JSON: ${(error as Error).message}`)
  }
}

export interface PackageJson {
  readonly name?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly sekisho?: unknown
}

const packageSettings = async (folder: string): Promise<unknown> => (await readPackageJson(folder))?.sekisho

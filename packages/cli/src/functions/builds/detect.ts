import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findEntry } from '@sekisho/functions/internal/bundling/bundle-function'
import { Failure } from '../../failure.ts'
import type { FunctionFile, Language } from '../deploy/settings-schema.ts'
import { languageOfRuntime } from './build.ts'
import { findPythonHandler } from './python-handler.ts'

/** By language, what tells that a folder is written in it. */
const SIGNS: readonly (readonly [Language, (folder: string) => string | undefined])[] = [
  ['rust', (folder) => present(folder, 'Cargo.toml')],
  ['go', (folder) => present(folder, 'go.mod')],
  ['files', (folder) => present(folder, 'bootstrap')],
  ['nodejs', (folder) => findEntry(folder)?.slice(folder.length + 1)],
  ['python', (folder) => findPythonHandler(folder)?.file],
]

/** What a folder is written in. Throws Failure when it cannot be told. */
export function detectLanguage(folder: string, { language, runtime, handler }: FunctionFile): Language {
  if (language !== undefined) return language
  const found = SIGNS.flatMap(([name, sign]) => {
    const file = sign(folder)
    return file === undefined ? [] : [[name, file] as const]
  })
  const wanted = runtime === undefined ? undefined : languageOfRuntime(runtime)
  if (wanted !== undefined && (found.some(([name]) => name === wanted) || handler !== undefined)) return wanted
  const fitting = withoutProducts(
    runtime?.startsWith('provided') === true ? found.filter(([name]) => isOwnProgram(name)) : found,
  )
  const [first, second] = fitting
  if (first === undefined) throw new Failure(nothing(folder, runtime))
  if (second !== undefined) {
    const seen = fitting.map(([name, file]) => `${file} (${name})`).join(' and ')
    throw new Failure(`${folder} has ${seen}: say which it is by "language" in function.yaml, or by --runtime`)
  }
  return first[0]
}

type Sign = readonly [Language, string]

/** A bootstrap beside go.mod or Cargo.toml is what was built from it. */
const withoutProducts = (found: readonly Sign[]): readonly Sign[] =>
  found.some(([name]) => name === 'rust' || name === 'go') ? found.filter(([name]) => name !== 'files') : found

const isOwnProgram = (language: Language): boolean => language === 'rust' || language === 'go' || language === 'files'

function nothing(folder: string, runtime: string | undefined): string {
  if (existsSync(join(folder, 'package.json')))
    return `${folder} has a package.json and no index.ts, index.js, src/index.ts, handler.ts or the like: name the file by "handler: path/file.function" in function.yaml`
  const asked = runtime === undefined ? '' : ` for ${runtime}`
  return `nothing in ${folder} looks like a function${asked}: there is no index.ts, Cargo.toml, go.mod, bootstrap or handler.py. "sekisho fn new NAME" makes one`
}

const present = (folder: string, name: string): string | undefined =>
  existsSync(join(folder, name)) ? name : undefined

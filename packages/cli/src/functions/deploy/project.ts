import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Failure } from '../../failure.ts'
import type { Project } from '../builds/build.ts'
import { detectLanguage } from '../builds/detect.ts'
import { type DeployOptions, withOptions } from './options.ts'
import { readFunctionFile, readPackageJson } from './read-settings.ts'
import { NAME_PATTERN } from './settings-schema.ts'

/** A folder that is to be deployed, under its name. */
export interface NamedProject extends Project {
  readonly name: string
}

/** Reads what a folder is. Throws Failure with what is missing. */
export async function readProject(directory: string, options: DeployOptions): Promise<NamedProject> {
  const folder = resolve(directory)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Failure(`${directory} is no folder; "sekisho fn new ${basename(folder)}" makes one`)
  const settings = withOptions(await readFunctionFile(folder), options)
  const language = detectLanguage(folder, settings)
  const name = settings.name ?? (await nameOf(folder, language))
  if (new RegExp(NAME_PATTERN).test(name)) return { folder, settings, language, name }
  throw new Failure(`"${name}" is no name of a function (1 to 64 letters, digits, "-" and "_"): give one by --name`)
}

async function nameOf(folder: string, language: Project['language']): Promise<string> {
  const name =
    language === 'nodejs'
      ? (await readPackageJson(folder))?.name
      : language === 'rust'
        ? /^\[package\][^[]*?^name\s*=\s*"([^"]+)"/m.exec(await readFile(join(folder, 'Cargo.toml'), 'utf8'))?.[1]
        : undefined
  // Without the scope of a package.
  return (name ?? basename(folder)).replace(/^@[^/]*\//, '')
}

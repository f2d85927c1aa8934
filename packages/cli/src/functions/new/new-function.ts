import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { Failure } from '../../failure.ts'
import { NAME_PATTERN } from '../deploy/settings-schema.ts'
import { LANGUAGE_NAMES, type Template, TEMPLATE_FOLDER, type TemplateLanguage } from './templates.ts'

export interface NewOptions {
  readonly template: Template
  readonly language: TemplateLanguage
}

/** `sekisho fn new`: a folder with a function in it, ready to be deployed. Nothing that exists is touched. */
export async function newFunction(path: string, { template, language }: NewOptions): Promise<void> {
  const name = basename(path)
  if (!new RegExp(NAME_PATTERN).test(name))
    throw new Failure(`"${name}" is no name of a function: it has 1 to 64 letters, digits, "-" and "_"`)
  if (existsSync(path) && (await readdir(path)).length > 0)
    throw new Failure(`${path} is there and not empty; nothing was written`)
  const existed = existsSync(path)
  try {
    for (const folder of [join('base', language), join(template, language)]) {
      await copyTree(join(TEMPLATE_FOLDER, folder), path, name)
    }
    await copyFile(join(TEMPLATE_FOLDER, template, 'function.yaml'), join(path, 'function.yaml'), name)
    await copyFile(join(TEMPLATE_FOLDER, template, 'event.json'), join(path, 'event.json'), name)
  } catch (error) {
    if (!existed) await rm(path, { recursive: true, force: true })
    throw error
  }
  process.stdout.write(guide(path, name, template, language, await filesOf(path)))
}

async function copyTree(from: string, to: string, name: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const source = join(entry.parentPath, entry.name)
    const target = join(to, relative(from, entry.parentPath), entry.name.replace(/^_/, '.'))
    await copyFile(source, target, name)
  }
}

async function copyFile(source: string, target: string, name: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, (await readFile(source, 'utf8')).replaceAll('__name__', name))
  if (basename(target) === 'bootstrap') await chmod(target, 0o755)
}

async function filesOf(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('.') && !/lock$|\.sum$/.test(file))
    .toSorted()
}

function guide(
  path: string,
  name: string,
  template: Template,
  language: TemplateLanguage,
  files: readonly string[],
): string {
  const a = template === 'echo' ? 'an' : 'a'
  return `${path} has ${a} ${template} function in ${LANGUAGE_NAMES[language]}: ${files.join(', ')}

  sekisho fn deploy ${path}
  sekisho fn invoke ${name} -f ${join(path, 'event.json')}
  sekisho fn deploy ${path} --watch       # every saved file is live at once
`
}

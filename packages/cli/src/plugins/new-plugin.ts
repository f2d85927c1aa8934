import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtInNames } from '@sekisho/gateway/internal/plugins/built-in'
import { writeNew } from '../commands/write-new.ts'
import { Failure } from '../failure.ts'

const TEMPLATE_FOLDER = fileURLToPath(new URL('../../templates/plugin/', import.meta.url))
const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,63}$/

export interface NewPluginOptions {
  readonly dir: string
}

/** `sekisho plugin new`: a plugin that works, and its test. Nothing that exists is touched. */
export async function newPlugin(name: string, { dir }: NewPluginOptions): Promise<void> {
  if (!NAME_PATTERN.test(name))
    throw new Failure(`"${name}" is no name of a plugin: it has 1 to 64 lower-case letters, digits and "-"`)
  if (builtInNames().includes(name))
    throw new Failure(`"${name}" comes with the gateway, and yours would take its place; choose another name`)
  const source = join(dir, `${name}.ts`)
  const test = join(dir, `${name}.test.mjs`)
  for (const file of [source, test]) if (existsSync(file)) throw new Failure(`${file} exists; nothing was written`)
  await mkdir(dir, { recursive: true })
  writeNew(source, await template('plugin.ts', name))
  writeNew(test, await template('plugin.test.mjs', name))
  process.stdout.write(guide(name, dir, source, test))
}

const template = async (file: string, name: string): Promise<string> =>
  (await readFile(join(TEMPLATE_FOLDER, file), 'utf8')).replaceAll('__name__', name)

function guide(name: string, dir: string, source: string, test: string): string {
  const install = findsGateway(dir)
    ? ''
    : '  npm install --save-dev @sekisho/gateway   # once: for tests, and for types in your editor\n'
  const paths = resolve(dir) === resolve('plugins') ? '' : `plugin_paths: [${dir}]`
  return `${source} is a plugin that works, ${test} tests it

${install}  node --test ${test}
  sekisho check                             # it is there once a route of sekisho.yaml has it:

${paths === '' ? '' : `    ${paths}\n`}    routes:
      - uri: /*
        upstream: "http://127.0.0.1:3000"
        plugins:
          ${name}: { text: hello, deny: [BadBot/1.0] }

  sekisho start                             # every saved file is live at once
  sekisho plugin docs ${dir.padEnd(22)}# its page of documentation
`
}

/** Whether tests in that folder find the testing kit. */
function findsGateway(dir: string): boolean {
  try {
    createRequire(join(resolve(dir), 'test.mjs')).resolve('@sekisho/gateway/testing')
    return true
  } catch {
    return false
  }
}

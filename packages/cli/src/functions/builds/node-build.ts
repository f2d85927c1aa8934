import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  type Bundle,
  type Bundler,
  createBundler,
  findEntry,
  formatProblem,
} from '@sekisho/functions/internal/bundling/bundle-function'
import { Failure, say } from '../../failure.ts'
import { readPackageJson } from '../deploy/read-settings.ts'
import { folderFiles } from '../packing/folder-files.ts'
import type { PackageFile } from '../packing/package-file.ts'
import type { Builder, Built, Project } from './build.ts'
import { nodeRuntime } from './node-runtime.ts'

/** TypeScript or JavaScript, with all that it imports, as one file. */
export async function nodeBuilder({ folder, settings }: Project): Promise<Builder> {
  const runtime = settings.runtime ?? nodeRuntime()
  const { entry, name } = entryOf(folder, settings.handler)
  const out = await mkdtemp(join(tmpdir(), 'sekisho-bundle-'))
  const bundler = await createBundler(entry, out, {
    runtime,
    ...(settings.minify === undefined ? {} : { minify: settings.minify }),
    ...(settings.external === undefined ? {} : { external: settings.external }),
  })
  let watched: readonly string[] = [folder]
  return {
    what: 'bundling',
    get watched() {
      return watched
    },
    async close() {
      await bundler.close()
      await rm(out, { recursive: true, force: true })
    },
    async build(): Promise<Built> {
      const bundle = await bundled(bundler, folder)
      watched = foldersOf(folder, bundle)
      const beside = settings.include === undefined ? [] : await folderFiles(folder, settings)
      return { runtime, handler: `index.${name}`, files: [...(await filesOf(out, bundle)), ...beside], notes: [] }
    },
  }
}

/** `src/app.handler` is the function `handler` of src/app.ts. */
function entryOf(folder: string, handler: string | undefined): { readonly entry: string; readonly name: string } {
  const [, file, name = 'handler'] = /^(.*?[^/.]+)\.([^/]+)$/.exec(handler ?? '') ?? []
  if (handler !== undefined && file === undefined)
    throw new Failure(`the handler "${handler}" is no FILE.FUNCTION, as "index.handler" is`)
  const extensions = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs']
  const named = file === undefined ? undefined : extensions.map((end) => join(folder, file + end)).find(existsSync)
  // Lambda's own name for it, though the file is src/index.ts.
  const entry = named ?? (file === undefined || file === 'index' ? findEntry(folder) : undefined)
  if (entry !== undefined) return { entry, name }
  throw new Failure(
    `${folder} has no ${file ?? 'index'}.ts or .js: name the function by "handler: path/file.function" in function.yaml`,
  )
}

async function bundled(bundler: Bundler, folder: string): Promise<Bundle> {
  const outcome = await bundler.build()
  if ('problems' in outcome) {
    const missing = outcome.problems.some(({ text }) => text.startsWith('Could not resolve "') && !/"\.|"\//.test(text))
    const hint =
      missing && (await lacksPackages(folder)) ? `\nits packages are not installed: npm install --prefix ${folder}` : ''
    throw new Failure(`the function cannot be bundled\n${outcome.problems.map(formatProblem).join('\n')}${hint}`)
  }
  for (const warning of outcome.bundle.warnings) say(formatProblem(warning))
  return outcome.bundle
}

async function lacksPackages(folder: string): Promise<boolean> {
  const { dependencies = {} } = (await readPackageJson(folder)) ?? {}
  return Object.keys(dependencies).some((name) => !existsSync(join(folder, 'node_modules', name)))
}

async function filesOf(out: string, { file }: Bundle): Promise<PackageFile[]> {
  const names = [file, `${file}.map`].filter((name) => existsSync(join(out, name)))
  return Promise.all(
    names.map(async (path) => {
      const source = join(out, path)
      return { path, source, executable: false, bytes: (await stat(source)).size }
    }),
  )
}

/** The project, and folders of sources outside of it that went into the bundle: other packages of a workspace. */
function foldersOf(folder: string, { inputs }: Bundle): readonly string[] {
  const outside = inputs.filter((path) => !path.startsWith(`${folder}/`) && !path.includes('/node_modules/'))
  return [folder, ...new Set(outside.map((path) => dirname(path)))]
}

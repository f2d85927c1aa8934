import { spawnSync } from 'node:child_process'
import { Failure } from '../../failure.ts'
import { folderFiles } from '../packing/folder-files.ts'
import type { Builder, Built, Project } from './build.ts'
import { nodeRuntime } from './node-runtime.ts'
import { findPythonHandler } from './python-handler.ts'

/** A folder that is packed as it is: a bootstrap, Python, or Node.js with its node_modules. */
export async function filesBuilder(project: Project): Promise<Builder> {
  const { folder, settings } = project
  return {
    what: 'packing',
    watched: [folder],
    close: async () => undefined,
    async build(): Promise<Built> {
      const files = await folderFiles(folder, settings)
      const { runtime, handler } = programOf(project)
      if (!runtime.startsWith('provided')) return { runtime, handler, files, notes: notesOf(files) }
      const bootstrap = files.find(({ path }) => path === 'bootstrap')
      if (bootstrap === undefined && settings.layers === undefined)
        throw new Failure(`${folder} has no file "bootstrap", which is what ${runtime} runs`)
      // Written on Windows, or fetched: it is meant to be run all the same.
      const runnable = files.map((file) => (file === bootstrap ? { ...file, executable: true } : file))
      return { runtime, handler, files: runnable, notes: [] }
    },
  }
}

function programOf({ folder, settings, language }: Project): { readonly runtime: string; readonly handler: string } {
  const { runtime, handler } = settings
  if (language === 'python' || runtime?.startsWith('python') === true)
    return { runtime: runtime ?? pythonRuntime(), handler: handler ?? pythonHandler(folder) }
  if (language === 'nodejs' || runtime?.startsWith('nodejs') === true)
    return { runtime: runtime ?? nodeRuntime(), handler: handler ?? 'index.handler' }
  return { runtime: runtime ?? 'provided.al2023', handler: handler ?? 'bootstrap' }
}

function pythonHandler(folder: string): string {
  const found = findPythonHandler(folder)
  if (found !== undefined) return found.handler
  throw new Failure(`${folder} has no function "handler" or "lambda_handler": name it by "handler" in function.yaml`)
}

/** That of the Python that is there. */
function pythonRuntime(): string {
  const { stdout } = spawnSync('python3', ['--version'], { encoding: 'utf8' })
  const version = /^Python (3\.\d+)\./.exec(stdout ?? '')?.[1]
  if (version !== undefined) return `python${version}`
  throw new Failure('there is no python3 here, so say which Python it is for: --runtime python3.13')
}

const notesOf = (files: Built['files']): readonly string[] =>
  files.some(({ path }) => path === 'requirements.txt')
    ? [
        'requirements.txt is not installed by a deploy: "pip install -r requirements.txt -t ." puts packages beside the handler',
      ]
    : []

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from './failure.ts'

/** Looked for in the working directory, in this order. */
export const DEFAULT_FILES = ['sekisho.yaml', 'sekisho.json', 'sekisho.config.ts'] as const

/** The least that serves something. */
export const MINIMAL_FILE = `listen: [8080]
routes:
  - { uri: /*, upstream: "http://127.0.0.1:3000" }
`

/** The file that was named, or the first of the default ones. Throws a Failure that shows what to write. */
export function configurationFile(given: string | undefined, folder = '.'): string {
  if (given !== undefined) return given
  const found = DEFAULT_FILES.map((name) => join(folder, name)).find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new Failure(`there is no ${DEFAULT_FILES.join(', ')} in this folder, and no -c FILE. Write one, say sekisho.yaml:

${MINIMAL_FILE.replaceAll(/^(?=.)/gm, '    ')}
"sekisho dev" shows a gateway at work without any file.`)
}

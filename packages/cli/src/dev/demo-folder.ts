import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const DEMO = fileURLToPath(new URL('../../demo/', import.meta.url))

/** A copy of the demo configuration to be edited; the installed one stays as it is. */
export interface DemoFolder {
  readonly file: string
  readonly plugin: string
  remove(): Promise<void>
}

export async function copyDemo(): Promise<DemoFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-dev-'))
  await cp(DEMO, folder, { recursive: true })
  return {
    file: join(folder, 'sekisho.yaml'),
    plugin: join(folder, 'plugins', 'hello-header.ts'),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const DEMO = fileURLToPath(new URL('../../demo/', import.meta.url))

/** Ports for the demo configuration, by the names that it has for them. */
export type DemoPorts = Readonly<
  Record<
    | 'SEKISHO_DEV_PORT'
    | 'SEKISHO_DEV_METRICS_PORT'
    | 'SEKISHO_DEV_SERVICE_A'
    | 'SEKISHO_DEV_SERVICE_B'
    | 'SEKISHO_DEV_GREETER',
    number
  >
>

/** A copy of the demo configuration to be edited; the installed one stays as it is. */
export interface DemoFolder {
  readonly file: string
  readonly plugin: string
  /** Puts real ports where the demo has `${{NAME:=port}}`: the copy is the same in every terminal. */
  write(ports: DemoPorts): Promise<void>
  remove(): Promise<void>
}

export async function copyDemo(): Promise<DemoFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-dev-'))
  await cp(DEMO, folder, { recursive: true })
  const file = join(folder, 'sekisho.yaml')
  const text = await readFile(file, 'utf8')
  return {
    file,
    plugin: join(folder, 'plugins', 'hello-header.ts'),
    write: (ports) =>
      writeFile(
        file,
        text.replaceAll(REFERENCE, (_all, name: keyof DemoPorts) => String(ports[name])),
      ),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

const REFERENCE = /\$\{\{(\w+):=\d+\}\}/g

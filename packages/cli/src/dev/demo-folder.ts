import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const DEMO = fileURLToPath(new URL('../../demo/', import.meta.url))

/** Ports and the like for the demo configuration, by the names that it has for them. */
export type DemoValues = Readonly<
  Record<
    | 'SEKISHO_DEV_PORT'
    | 'SEKISHO_DEV_METRICS_PORT'
    | 'SEKISHO_DEV_SERVICE_A'
    | 'SEKISHO_DEV_SERVICE_B'
    | 'SEKISHO_DEV_GREETER'
    | 'SEKISHO_DEV_FUNCTIONS_PORT'
    | 'SEKISHO_DEV_FUNCTIONS_DRIVER',
    number | string
  >
>

/** A copy of the demo configuration to be edited; the installed one stays as it is. */
export interface DemoFolder {
  readonly file: string
  readonly plugin: string
  /** Of the demo function. */
  readonly functionFolder: string
  /** Puts real values where the demo has `${{NAME:=value}}`: the copy is the same in every terminal. */
  write(values: DemoValues): Promise<void>
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
    functionFolder: join(folder, 'functions', 'hello'),
    write: (values) =>
      writeFile(
        file,
        text.replaceAll(REFERENCE, (_all, name: keyof DemoValues) => String(values[name])),
      ),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

const REFERENCE = /\$\{\{(\w+):=\w+\}\}/g

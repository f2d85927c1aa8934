import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { checkDrivers } from '@sekisho/functions/internal/drivers/check-drivers'
import type { DriverCheck, DriverName } from '@sekisho/functions'
import { Interpreters } from '@sekisho/functions/internal/runtimes/interpreters'
import { readFunctionsSettings } from '../../commands/read-settings.ts'
import { DEFAULT_FILES } from '../../configuration-file.ts'
import { Failure } from '../../failure.ts'
import { type Colours, coloursFor } from '../../terminal/colour.ts'
import { type EndpointOptions, endpointOf } from '../api/endpoint.ts'
import { HttpCaller } from '../api/http-call.ts'

export interface DoctorOptions extends EndpointOptions {
  readonly config?: string
  readonly json?: boolean
}

type Found = Awaited<ReturnType<typeof checkDrivers>>

interface Chosen {
  readonly driver: DriverName
  /** Who chose it. */
  readonly by: string
  readonly interpreters: Readonly<Record<string, string>>
  /** Of the control API in the configuration. */
  readonly endpointUrl: string | undefined
}

/** `sekisho fn doctor`: what this host supports, and how to get the rest. Returns 0 when the chosen driver can be used. */
export async function doctor(options: DoctorOptions): Promise<number> {
  const chosen = chosenDriver(options.config)
  const found = await checkDrivers()
  const interpreters = (await Interpreters.find(chosen.interpreters)).all
  const works = found.some(({ driver, checks }) => driver === chosen.driver && isUsable(checks))
  if (options.json === true) {
    const drivers = found.map(({ driver, checks }) => ({ driver, usable: isUsable(checks), checks }))
    const result = { driver: chosen.driver, works, drivers, interpreters: Object.fromEntries(interpreters) }
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
    return works ? 0 : 1
  }
  const colours = coloursFor(process.stdout)
  process.stdout.write(
    [
      driversText(found, chosen, colours),
      section('Runtimes of this host', runtimeLines(interpreters, colours)),
      section('To build functions', toolLines(colours)),
      section('Engine', [await engineLine(options, chosen, colours)]),
      verdict(chosen, works, colours),
    ].join('\n'),
  )
  return works ? 0 : 1
}

function chosenDriver(config: string | undefined): Chosen {
  if (config === undefined && !DEFAULT_FILES.some((name) => existsSync(name)))
    return { driver: 'sandbox', by: 'the default', interpreters: {}, endpointUrl: undefined }
  const { file, functions } = readFunctionsSettings(config)
  if (functions === undefined) {
    if (config !== undefined) throw new Failure(`${file} has no "functions": write "functions: {}" to have an engine`)
    return { driver: 'sandbox', by: 'the default', interpreters: {}, endpointUrl: undefined }
  }
  const { driver, interpreters, address } = functions
  return { driver, by: file, interpreters, endpointUrl: address.path === undefined ? urlOf(address) : undefined }
}

function urlOf({ host = '127.0.0.1', port }: { readonly host?: string | undefined; readonly port: number }): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

const isUsable = (checks: readonly DriverCheck[]): boolean =>
  checks.length > 0 && checks.every(({ required, fulfilled }) => fulfilled || !required)

function driversText(found: Found, chosen: Chosen, colours: Colours): string {
  return found
    .map(({ driver, checks }) => {
      const mark = driver === chosen.driver ? `, chosen by ${chosen.by}` : ''
      const state = isUsable(checks) ? colours.added('can be used') : colours.removed('cannot be used')
      return `${colours.strong(`driver ${driver}`)}: ${state}${mark}\n${checks.map((check) => checkLine(check, colours)).join('')}`
    })
    .join('\n')
}

function checkLine({ what, fulfilled, detail, required }: DriverCheck, colours: Colours): string {
  const mark = fulfilled ? colours.added('yes') : required ? colours.removed('no ') : colours.changed('no ')
  return `  ${mark}  ${what}${fulfilled || required ? '' : ' (not necessary)'}${detail === '' ? '' : `: ${detail}`}\n`
}

const section = (title: string, lines: readonly string[]): string => `${title}\n${lines.join('')}`

const runtimeLines = (interpreters: Interpreters['all'], colours: Colours): string[] => [
  ...interpreters.map(([name, path]) => `  ${colours.added('yes')}  ${name}: ${path}\n`),
  `  ${colours.added('yes')}  provided.al2023, provided.al2: any program named "bootstrap"\n`,
]

const TOOLS = [
  ['cargo', ['--version'], 'Rust', 'https://rustup.rs'],
  ['go', ['version'], 'Go', 'https://go.dev/dl'],
] as const

function toolLines(colours: Colours): string[] {
  return TOOLS.map(([command, args, language, source]) => {
    const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
    return status === 0
      ? `  ${colours.added('yes')}  ${language}: ${stdout.trim()}\n`
      : `  ${colours.changed('no ')}  ${language}: install it from ${source}\n`
  })
}

async function engineLine(options: EndpointOptions, chosen: Chosen, colours: Colours): Promise<string> {
  const caller = new HttpCaller(endpointOf(options, process.env, chosen.endpointUrl))
  try {
    const answer = await caller.call({ method: 'GET', path: '/sekisho/ready' })
    answer.resume()
    const ready = answer.statusCode === 200
    return `  ${ready ? colours.added('yes') : colours.changed('no ')}  ${caller.address} ${ready ? 'serves' : `answers with ${answer.statusCode}`}\n`
  } catch (error) {
    return `  ${colours.changed('no ')}  ${(error as Error).message}\n`
  } finally {
    caller.close()
  }
}

function verdict({ driver }: Chosen, works: boolean, colours: Colours): string {
  if (works) return `${colours.added(`Functions run here with the driver ${driver}.`)}\n`
  const other = driver === 'sandbox' ? '; "driver: process" runs functions without isolation, for development' : ''
  return `${colours.removed(`The driver ${driver} cannot be used here`)}: mend what says "no" above${other}.\n`
}

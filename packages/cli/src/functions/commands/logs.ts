import { Failure } from '../../failure.ts'
import { type Colours, coloursFor } from '../../terminal/colour.ts'
import type { LogLine } from '../api/answers.ts'
import type { EndpointOptions } from '../api/endpoint.ts'
import { FunctionClient } from '../api/function-client.ts'
import { readLogs } from '../api/own-calls.ts'

export interface LogsOptions extends EndpointOptions {
  readonly follow?: boolean
  readonly since?: string
  readonly timestamps?: boolean
  readonly json?: boolean
}

/** `sekisho fn logs`: what a function wrote, and what it cost. */
export async function logs(name: string, options: LogsOptions): Promise<void> {
  const since = options.since === undefined ? undefined : sinceOf(options.since, Date.now())
  const client = FunctionClient.open(options)
  const colours = coloursFor(process.stdout)
  try {
    for await (const line of readLogs(client, name, { since, follow: options.follow === true })) {
      process.stdout.write(`${options.json === true ? JSON.stringify(line) : shown(line, colours, options)}\n`)
    }
  } finally {
    client.close()
  }
}

function shown({ time, text }: LogLine, colours: Colours, { timestamps }: LogsOptions): string {
  const line = `${timestamps === true ? `${new Date(time).toISOString()}  ` : ''}${logText(text)}`
  return PLATFORM.test(text) ? colours.faint(line) : FAILURE.test(text) ? colours.removed(line) : line
}

/**
 * A text of a log as it is shown: Lambda's runtimes write the line breaks of a message as carriage returns, and a function's own bytes do not get to
 * steer the terminal.
 */
export const logText = (text: string): string =>
  text
    .replaceAll(/\r\n?/g, '\n')
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    .replaceAll(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, ' ')
    .trimEnd()

/** Lines of the platform between those of the function. */
const PLATFORM = /^(?:START|END|REPORT|INIT_START|INIT_REPORT|EXTENSION|XRAY) /
const FAILURE = /\tERROR\t|^\[ERROR\]|Task timed out after/

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `10m`, `2h`, `1d` ago, or a time as ISO 8601 has it, in milliseconds since 1970. Throws Failure. */
export function sinceOf(text: string, now: number): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) return Math.max(0, now - Number(amount) * UNITS[unit]!)
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(time))
    throw new Failure(`--since "${text}" is no time: write 90s, 10m, 2h, 1d, or 2026-11-21T18:00:00Z`)
  return time
}

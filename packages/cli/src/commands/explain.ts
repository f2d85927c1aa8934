import { isIP } from 'node:net'
import { renderProblems } from '@sekisho/gateway/internal/config/render'
import { explainRequest, readConfiguration } from '@sekisho/gateway/internal/explain/index'
import { configurationFile } from '../configuration-file.ts'
import { renderExplanation } from '../explanation/render.ts'
import { Failure, say, SilentFailure } from '../failure.ts'

export interface ExplainCommandOptions {
  readonly config?: string
  readonly header?: readonly string[]
  readonly remoteAddr?: string
  readonly consumer?: string
  readonly all?: boolean
  readonly json?: boolean
}

/** `sekisho explain METHOD URL`: prints what would become of that request. */
export async function explain(method: string, url: string, options: ExplainCommandOptions): Promise<void> {
  const { config, header = [], remoteAddr, consumer, all } = options
  const headers = header.map(parseHeader)
  if (remoteAddr !== undefined && isIP(remoteAddr) === 0)
    throw new Failure(`--remote-addr "${remoteAddr}" is not an IP address`)
  const { read, problems } = await readConfiguration(configurationFile(config))
  if (read === undefined) {
    say(renderProblems(problems).trimEnd())
    throw new SilentFailure('the configuration is not valid')
  }
  const explanation = await explainRequest(
    // Methods are case-sensitive, people who type them are not.
    { method: method.toUpperCase(), url, headers, ...(remoteAddr === undefined ? {} : { remoteAddr }) },
    read,
    {
      ...(consumer === undefined ? {} : { consumer }),
      ...(all === true ? { allRoutes: true } : {}),
    },
  )
  const text =
    options.json === true ? `${JSON.stringify(explanation, nullForUndefined, 2)}\n` : renderExplanation(explanation)
  process.stdout.write(text)
}

/** `Name: value`, as curl's -H. */
function parseHeader(written: string): [string, string] {
  const colon = written.indexOf(':')
  if (colon <= 0) throw new Failure(`-H "${written}" is not a header; write -H 'Name: value'`)
  return [written.slice(0, colon), written.slice(colon + 1).trim()]
}

/** A program that reads it finds every field, always. */
const nullForUndefined = (_key: string, value: unknown): unknown => (value === undefined ? null : value)

import { table } from '../../explanation/text.ts'
import { say } from '../../failure.ts'
import type { FunctionConfiguration } from '../api/answers.ts'
import type { EndpointOptions } from '../api/endpoint.ts'
import { FunctionClient } from '../api/function-client.ts'
import { type FunctionUse, readUse } from '../api/own-calls.ts'
import { size } from '../deploy/report.ts'

export interface ListOptions extends EndpointOptions {
  readonly json?: boolean
}

/** `sekisho fn list`: the functions, and what they have done and would have cost. */
export async function list(options: ListOptions): Promise<void> {
  const client = FunctionClient.open(options)
  try {
    const [functions, use] = await Promise.all([client.list(), readUse(client)])
    if (options.json === true) process.stdout.write(`${JSON.stringify(asJson(functions, use), undefined, 2)}\n`)
    else if (functions.length === 0) say('there are no functions; "sekisho fn new hello" begins one')
    else process.stdout.write(asTable(functions, use))
  } finally {
    client.close()
  }
}

type Use = ReadonlyMap<string, FunctionUse> | undefined
const NONE: FunctionUse = { invocations: 0, errors: 0, cost: 0 }

function asTable(functions: readonly FunctionConfiguration[], use: Use): string {
  const head = ['NAME', 'RUNTIME', 'MEMORY', 'TIMEOUT', 'CODE', 'MODIFIED']
  const rows = functions.map((one) => [
    one.FunctionName,
    one.Runtime ?? 'image',
    `${one.MemorySize} MB`,
    `${one.Timeout} s`,
    size(one.CodeSize),
    one.LastModified.slice(0, 19).replace('T', ' '),
  ])
  if (use === undefined) return table([head, ...rows])
  const used = functions.map(({ FunctionName }) => {
    const { invocations, errors, cost } = use.get(FunctionName) ?? NONE
    return [String(invocations), String(errors), dollars(cost)]
  })
  const total = dollars([...use.values()].reduce((sum, { cost }) => sum + cost, 0))
  const all = [[...head, 'CALLS', 'ERRORS', 'COST'], ...rows.map((row, at) => [...row, ...used[at]!])]
  return `${table(all)}\ncalls and cost (${total}) since the engine was started; the cost is what Lambda would ask for it\n`
}

/** Two digits behind the zeros, as cents are often not enough. */
export function dollars(cost: number): string {
  const zeros = cost === 0 ? 0 : Math.floor(-Math.log10(cost))
  return `$${cost.toFixed(Math.min(Math.max(2, zeros + 2), 12))}`
}

function asJson(functions: readonly FunctionConfiguration[], use: Use): unknown {
  return functions.map((one) => ({
    name: one.FunctionName,
    arn: one.FunctionArn,
    runtime: one.Runtime,
    handler: one.Handler,
    memory: one.MemorySize,
    timeout: one.Timeout,
    code_size: one.CodeSize,
    code_sha256: one.CodeSha256,
    last_modified: one.LastModified,
    state: one.State,
    ...(use === undefined ? {} : { use: use.get(one.FunctionName) ?? NONE }),
  }))
}

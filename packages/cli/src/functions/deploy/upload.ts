import type { FunctionConfiguration } from '../api/answers.ts'
import type { FunctionClient } from '../api/function-client.ts'
import type { HttpCall } from '../api/http-call.ts'
import type { Zip } from '../packing/zip-files.ts'
import { setSchedules } from './schedules.ts'
import { setSource } from './sources.ts'
import { changes, creation, type Deployment } from './deployment.ts'

export interface Deployed {
  readonly configuration: FunctionConfiguration
  readonly what: 'created' | 'updated' | 'unchanged'
  readonly url: string | undefined
  /** That the alias leads to. */
  readonly version: string | undefined
}

/** Creates a function, or changes what is different. */
export async function upload(
  client: FunctionClient,
  deployment: Deployment,
  zip: Zip,
  onSent?: HttpCall['onSent'],
): Promise<Deployed> {
  const { name, tags, alias } = deployment
  const there = await client.find(name)
  const [configuration, what] =
    there === undefined
      ? ([await client.create(name, zip.bytes, creation(deployment), tags, onSent), 'created'] as const)
      : await update(client, deployment, zip, there, onSent)
  const settled = await client.settled(configuration)
  if (what !== 'created' && Object.keys(tags).length > 0) await client.tag(settled.FunctionArn, tags)
  const version = alias === undefined ? undefined : await client.publish(name)
  if (alias !== undefined && version !== undefined) await client.setAlias(name, alias, version)
  const target = alias === undefined ? settled.FunctionArn : `${settled.FunctionArn}:${alias}`
  if (deployment.schedules !== undefined) await setSchedules(client, name, target, deployment.schedules)
  for (const source of deployment.sources) await setSource(client, target, source)
  const url = deployment.url && (await client.setUrl(name, alias, deployment.url))
  return { configuration: settled, what, url, version }
}

async function update(
  client: FunctionClient,
  deployment: Deployment,
  zip: Zip,
  there: FunctionConfiguration,
  onSent: HttpCall['onSent'],
): Promise<readonly [FunctionConfiguration, 'updated' | 'unchanged']> {
  let now = there
  const change = changes(deployment, there)
  // AWS takes one update at a time.
  if (change !== undefined)
    now = await client.updateConfiguration(deployment.name, change).then((next) => client.settled(next))
  if (there.CodeSha256 !== zip.sha256) now = await client.updateCode(deployment.name, zip.bytes, onSent)
  return [now, now === there ? 'unchanged' : 'updated']
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, SilentFailure, say } from '../../failure.ts'
import { Bar } from '../../terminal/bar.ts'
import { withProgress } from '../../terminal/progress.ts'
import { FunctionClient } from '../api/function-client.ts'
import type { Builder, Built } from '../builds/build.ts'
import { builderOf } from '../builds/builders.ts'
import { type Zip, zipFiles } from '../packing/zip-files.ts'
import { type Deployment, deploymentOf } from './deployment.ts'
import { type DeployOptions, typedVariables } from './options.ts'
import { type NamedProject, readProject } from './project.ts'
import { report } from './report.ts'
import { type Deployed, upload } from './upload.ts'

/** One that has been deployed and may be deployed again. */
export interface Running {
  readonly project: NamedProject
  readonly builder: Builder
  readonly deployment: Deployment
  readonly zip: Zip
}

/** `sekisho fn deploy`. Resolves when it is done; with `--watch` only by a signal. */
export async function deploy(directory: string, options: DeployOptions): Promise<void> {
  const client = FunctionClient.open(options)
  let running: Running | undefined
  try {
    running = await deployOnce(client, directory, options)
    if (options.watch === true && running.deployment.alias !== undefined)
      throw new Failure('--watch changes $LATEST alone, so it cannot go with an alias; leave one of them out')
    if (options.watch === true) {
      const { watchAndDeploy } = await import('./watch.ts')
      running = await watchAndDeploy(client, directory, options, running)
    }
  } finally {
    await running?.builder.close()
    client.close()
  }
}

/** Builds, packs, uploads, and says what is there now. */
export async function deployOnce(client: FunctionClient, directory: string, options: DeployOptions): Promise<Running> {
  const start = performance.now()
  const variables = typedVariables(options.env)
  const project = await readProject(directory, options)
  const builder = await builderOf(project)
  try {
    const { built, zip } = await packed(builder)
    const deployment = deploymentOf(project.name, project.settings, built, variables)
    const deployed = await uploaded(client, deployment, zip)
    process.stdout.write(report(deployment, deployed, zip, sampleEvent(directory), performance.now() - start))
    for (const note of built.notes) say(`note: ${note}`)
    return { project, builder, deployment, zip }
  } catch (error) {
    await builder.close()
    throw error
  }
}

/** An event to try it with. */
function sampleEvent(directory: string): string {
  const file = join(directory, 'event.json')
  return existsSync(file) ? `-f ${file}` : `-d '{}'`
}

export async function packed(builder: Builder): Promise<{ readonly built: Built; readonly zip: Zip }> {
  // Compilers show their own progress.
  const quiet = builder.what.startsWith('cargo') || builder.what.startsWith('go')
  if (quiet) say(`${builder.what} …`)
  const built = await (quiet ? builder.build() : withProgress(builder.what, builder.build())).catch(speak)
  return { built, zip: await zipFiles(built.files) }
}

/** The tool has said what is wrong; this says what it means. */
function speak(error: unknown): never {
  if (error instanceof SilentFailure) say(`sekisho: nothing was deployed: ${error.message}`)
  throw error
}

async function uploaded(client: FunctionClient, deployment: Deployment, zip: Zip): Promise<Deployed> {
  const bar = new Bar(`uploading ${deployment.name}`)
  try {
    return await upload(client, deployment, zip, bar.set)
  } finally {
    bar.clear()
  }
}

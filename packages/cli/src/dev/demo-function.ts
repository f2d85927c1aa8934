import { FunctionClient } from '../functions/api/function-client.ts'
import { filesBuilder } from '../functions/builds/files-build.ts'
import { deploymentOf } from '../functions/deploy/deployment.ts'
import { upload } from '../functions/deploy/upload.ts'
import { zipFiles } from '../functions/packing/zip-files.ts'

/** Deploys the demo function: plain JavaScript, which needs no bundler. @param address of the function engine */
export async function deployDemoFunction(address: string, folder: string): Promise<void> {
  const settings = { name: 'hello', memory: 256, timeout: 10 }
  const client = FunctionClient.open({ endpointUrl: address })
  try {
    const builder = await filesBuilder({ folder, settings, language: 'nodejs' })
    const built = await builder.build()
    await upload(client, deploymentOf('hello', settings, built, {}), await zipFiles(built.files))
  } finally {
    client.close()
  }
}

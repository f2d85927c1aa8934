import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'

/** A package with these files; one named `bootstrap` can be executed. */
export async function zipOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, content] of Object.entries(files)) {
    zip.addBuffer(Buffer.from(content), name, { mode: name === 'bootstrap' ? 0o100755 : 0o100644 })
  }
  zip.end()
  return buffer(zip.outputStream as NodeJS.ReadableStream)
}

/** The runtime that the Node.js of this process runs. */
export const NODE_RUNTIME = `nodejs${process.versions.node.split('.', 1)[0]}.x`

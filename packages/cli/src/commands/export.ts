import { AdminClient, type AdminClientOptions } from '../admin-client/admin-client.ts'
import { renderDocuments } from '../documents/render-documents.ts'
import { withProgress } from '../terminal/progress.ts'
import { writeNew } from './write-new.ts'

export interface ExportOptions extends AdminClientOptions {
  readonly output?: string
  readonly revision?: number
}

/** `sekisho export`: all that a store holds, or held at a revision, as a configuration file. */
export async function exportDocuments(options: ExportOptions): Promise<void> {
  const client = new AdminClient(options)
  const lists = await withProgress('reading', client.configs(options.revision))
  const at = options.revision === undefined ? '' : ` at revision ${options.revision}`
  const yaml = renderDocuments([`Exported from ${client.address}${at} by "sekisho export".`], lists)
  if (options.output === undefined) process.stdout.write(yaml)
  // It holds private keys and what consumers show.
  else writeNew(options.output, yaml, 0o600)
}

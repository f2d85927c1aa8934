import type { FileRegistry } from '@bufbuild/protobuf'
import type { Proto } from '../../resources/proto.ts'
import { suggest } from '../explain/suggest.ts'
import type { Findings } from '../problem.ts'
import type { Entry } from './entry.ts'

/**
 * Compiles the `protos` of a document: the entries come back with their descriptors, and plugins that refer to one are
 * checked against it. `ids`: of all protos. The compiler is loaded only when there is something to compile.
 */
export async function compileProtos(
  entries: readonly Entry[],
  ids: ReadonlySet<string>,
  findings: Findings,
): Promise<readonly Entry[]> {
  for (const entry of entries) checkReference(entry, ids, findings)
  if (!entries.some(({ kind }) => kind === 'protos')) return entries
  const { compileProto } = await import('../../transcoding/compile-proto.ts')
  const { checkTranscoding } = await import('./transcoding.ts')
  const registries = new Map<string, FileRegistry>()
  const compiled: Entry[] = []
  for (const entry of entries) {
    if (entry.kind !== 'protos' || findings.full) {
      compiled.push(entry)
      continue
    }
    const result = await compileProto(entry.item as Proto)
    if ('path' in result) {
      const [message, remedy] = result.message.split('; ', 2)
      findings.add({ path: entry.path + result.path, message, remedy })
    } else {
      registries.set(entry.id, result.registry)
      compiled.push({ ...entry, item: { ...entry.item, descriptors: result.descriptors } })
    }
  }
  checkTranscoding(compiled, registries, findings)
  return compiled
}

/** A plugin that refers to a proto refers to one that is there. */
function checkReference({ item, path }: Entry, ids: ReadonlySet<string>, findings: Findings): void {
  const config = (item['plugins'] as Record<string, Record<string, unknown>> | undefined)?.[PLUGIN]
  const id = config?.['proto_id']
  if ((typeof id !== 'string' && typeof id !== 'number') || ids.has(String(id))) return
  const meant = suggest(String(id), ids)
  findings.add({
    path: `${path}/plugins/${PLUGIN}/proto_id`,
    value: JSON.stringify(id),
    message: 'there is no proto with this id',
    remedy: meant === undefined ? 'add it to "protos"' : `did you mean "${meant}"?`,
  })
}

const PLUGIN = 'grpc-transcode'

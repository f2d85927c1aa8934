import type { FileRegistry } from '@bufbuild/protobuf'
import type { Proto } from '../../resources/proto.ts'
import { suggest } from '../explain/suggest.ts'
import type { Findings } from '../problem.ts'
import type { Entry, Item } from './entry.ts'
import type { KnownResources } from './known-resources.ts'

const PLUGIN = 'grpc-transcode'

/** The types of protos that were compiled. */
const registries = new WeakMap<Item, FileRegistry>()

/**
 * Compiles the `protos` among the entries, which come back with their descriptors. The compiler is loaded only when there is something to
 * compile.
 */
export async function compileProtos(entries: readonly Entry[], findings: Findings): Promise<readonly Entry[]> {
  if (!entries.some(({ kind }) => kind === 'protos')) return entries
  const { compileProto } = await import('../../transcoding/compile-proto.ts')
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
      continue
    }
    const item: Item = { ...entry.item, descriptors: result.descriptors }
    registries.set(item, result.registry)
    compiled.push({ ...entry, item })
  }
  return compiled
}

/** Plugins that refer to a proto refer to one that is there, and to what is in it. */
export async function checkProtoUses(
  entries: readonly Entry[],
  known: KnownResources,
  findings: Findings,
): Promise<void> {
  for (const entry of entries) {
    const id = protoOf(entry)
    if (id === undefined) continue
    if (!known.has('protos', id)) reportMissing(entry, id, known, findings)
    const proto = known.item('protos', id)
    const registry = proto && (await registryOf(proto))
    if (registry === undefined) continue
    const { checkTranscoding } = await import('./transcoding.ts')
    checkTranscoding(entry, registry, findings)
  }
}

/** Undefined: there is something wrong with the proto itself. */
async function registryOf(proto: Item): Promise<FileRegistry | undefined> {
  const known = registries.get(proto)
  if (known !== undefined) return known
  const { compileProto } = await import('../../transcoding/compile-proto.ts')
  const result = await compileProto(proto as Proto)
  if ('path' in result) return undefined
  registries.set(proto, result.registry)
  return result.registry
}

/** The id of the proto that a resource's plugin refers to. */
export function protoOf({ item }: Entry): string | undefined {
  const config = (item['plugins'] as Record<string, Record<string, unknown>> | undefined)?.[PLUGIN]
  const id = config?.['proto_id']
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

function reportMissing({ item, path }: Entry, id: string, known: KnownResources, findings: Findings): void {
  const written = (item['plugins'] as Record<string, Record<string, unknown>>)[PLUGIN]?.['proto_id']
  const meant = suggest(id, known.ids('protos'))
  findings.add({
    path: `${path}/plugins/${PLUGIN}/proto_id`,
    value: JSON.stringify(written),
    message: 'there is no proto with this id',
    remedy: meant === undefined ? 'add it to "protos"' : `did you mean "${meant}"?`,
  })
}

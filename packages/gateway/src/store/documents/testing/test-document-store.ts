import type { PluginLookup } from '../../../config/plugin-lookup.ts'
import { testPlugins } from '../../../config/testing/plugins.ts'
import type { StoreBackend } from '../../backend/backend.ts'
import { DocumentCodec } from '../document-codec.ts'
import { DocumentStore, type DocumentStoreOptions } from '../document-store.ts'
import type { KeyRing } from '../key-ring.ts'

type Settings = Partial<Omit<DocumentStoreOptions, 'backend' | 'check'>> & {
  readonly plugins?: PluginLookup
  /** undefined: nothing is encrypted */
  readonly keyRing?: KeyRing | undefined
  readonly references?: DocumentStoreOptions['check']['references']
}

const NOTHING = (): undefined => undefined

/** A store over a backend, as a node has it, that is told nothing of files and environment, and logs nowhere unless it is said. */
export function testDocumentStore(backend: StoreBackend, settings: Settings = {}): DocumentStore {
  const { plugins = testPlugins, keyRing, references, ...more } = settings
  return new DocumentStore({
    backend,
    codec: new DocumentCodec(plugins, keyRing),
    check: {
      plugins,
      allowed: undefined,
      settings: { listen: undefined, acme: undefined },
      references: references ?? { environment: {}, files: { folder: '/nowhere', within: [] } },
    },
    loadPlugins: NOTHING,
    logger: { error: NOTHING, warn: NOTHING, info: NOTHING },
    ...more,
  })
}

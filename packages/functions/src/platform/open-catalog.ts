import { targetProblem } from '../async/targets/queue-map.ts'
import { LocalCatalog } from '../catalog/local-catalog.ts'
import type { PackageLinks } from '../control-api/package-links.ts'
import { mappingProblem } from '../event-sources/event-sources.ts'
import type { ImageLibrary } from '../packages/image/image-library.ts'
import type { PackageLibrary } from '../packages/package-library.ts'
import type { StateStore } from '../state/state-store.ts'
import type { PlatformOptions } from './options.ts'
import { codeSource } from './package-parts.ts'

export interface CatalogParts {
  readonly state: StateStore
  readonly packages: PackageLibrary
  readonly images: ImageLibrary
  readonly links: PackageLinks
}

/** The functions that are there, read from the state. */
export function openCatalog(
  options: PlatformOptions,
  { state, packages, images, links }: CatalogParts,
): Promise<LocalCatalog> {
  const { region, accountId, network, concurrency, unreservedConcurrency, objectStore, queues } = options
  return LocalCatalog.open({
    state,
    packages,
    images,
    s3: codeSource(objectStore),
    settings: {
      region,
      account: accountId,
      network,
      accountConcurrency: concurrency,
      minimumUnreserved: unreservedConcurrency,
      eventSourceProblem: (_, mapping) => mappingProblem(mapping, queues ?? {}),
      destinationProblem: (arn) => targetProblem(queues ?? {}, arn),
      codeLocation: (origin, sha256) => links.link(origin, sha256),
      functionUrl: (origin, id) => urlOf(origin, id, region),
    },
  })
}

/** `http://ID.lambda-url.us-east-1.localhost:9190/`: browsers and curl take names below localhost for this machine (RFC 6761 section 6.3). */
function urlOf(origin: string, id: string, region: string): string {
  const { protocol, port } = new URL(origin)
  return `${protocol}//${id}.lambda-url.${region}.localhost${port === '' ? '' : `:${port}`}/`
}

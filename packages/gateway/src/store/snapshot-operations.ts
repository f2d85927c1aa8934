import { RESOURCE_KINDS } from '../resources/kind-names.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { Operation } from './store.ts'

/** A whole snapshot as the change that makes it from nothing; what others refer to comes first. */
export const snapshotOperations = (resources: ResourceSet): Operation[] =>
  RESOURCE_KINDS.flatMap((kind) => [...resources[kind]].map(([id, value]) => ({ kind, id, value }) as Operation))

import type { World } from '../world.ts'

/** What is done at the same time has different areas. */
export type Area = 'nodes' | 'clients' | 'gateway' | 'stores' | 'machine'

/** Something that goes wrong. */
export interface Deed {
  readonly name: string
  /** False: what it needs is not there, and it is left out. */
  possible?(world: World): boolean
  /** Does it, waits, and undoes it. */
  strike(world: World, next: () => number): Promise<void>
}

export interface Fault extends Deed {
  readonly area: Area
}

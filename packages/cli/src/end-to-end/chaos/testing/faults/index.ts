import { clients } from './clients.ts'
import type { Area, Deed, Fault } from './fault.ts'
import { gateway } from './gateway.ts'
import { machine } from './machine.ts'
import { nodes } from './nodes.ts'
import { stores } from './stores.ts'

export type { Fault } from './fault.ts'

const areas: Readonly<Record<Area, readonly Deed[]>> = { nodes, clients, gateway, stores, machine }

/** Everything that a run may do. */
export const FAULTS: readonly Fault[] = Object.entries(areas).flatMap(([area, deeds]) =>
  deeds.map((deed) => ({ ...deed, area: area as Area })),
)

import { expect, it } from 'vitest'
import { readRole, ROLE_VARIABLE } from './roles.ts'
import type { GatewayAssignment, WorkerAssignment } from './roles.ts'

const gateway: GatewayAssignment = { generation: 2, workers: 1, graceMs: 3, listeners: [], controlListeners: [] }
const worker: WorkerAssignment = { index: 0, count: 1, generation: 1, data: undefined, shared: {}, listeners: [] }

it('is the supervisor where nobody says otherwise', () => {
  expect(readRole({}, undefined)).toEqual({ kind: 'supervisor' })
})

it('is the gateway process by the environment', () => {
  expect(readRole({ [ROLE_VARIABLE]: JSON.stringify(gateway) }, undefined)).toEqual({
    kind: 'gateway',
    assignment: gateway,
  })
})

it('is a worker by its data, whatever the environment says', () => {
  const environment = { [ROLE_VARIABLE]: JSON.stringify(gateway) }
  expect(readRole(environment, { sekishoWorker: worker })).toEqual({ kind: 'worker', assignment: worker })
})

it('is no worker in a thread of someone else', () => {
  for (const data of [null, 5, 'text', { other: 1 }]) expect(readRole({}, data).kind).toBe('supervisor')
})

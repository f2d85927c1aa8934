import { afterAll, beforeAll, describe } from 'vitest'
import { type BackendHarness, describeBackend } from '../backend/testing/backend-contract.ts'
import { openEtcd } from './etcd-backend.ts'
import { EtcdServer, etcdProgram } from './testing/etcd-server.ts'

describe.skipIf(etcdProgram === undefined)('with a real store (needs etcd)', () => {
  let server: EtcdServer
  let stores = 0

  beforeAll(async () => {
    server = await EtcdServer.start()
  })
  afterAll(() => server.dispose())

  describeBackend('etcd', (): Promise<BackendHarness> => {
    const prefix = `/store-${stores++}`
    return Promise.resolve({
      open: () => openEtcd({ endpoints: [server.url], prefix }),
      // Time passes by itself: tests of the contract wait for what it brings.
      passSeconds: () => undefined,
      dispose: () => Promise.resolve(),
    })
  })
})

import { expect, it } from 'vitest'
import { type DevAddresses, functionGuide, ownGuide, trials } from './guide.ts'

const addresses: DevAddresses = {
  gateway: 'http://127.0.0.1:8080',
  metrics: 'http://127.0.0.1:9091',
  functions: 'http://127.0.0.1:9190',
  isolation: 'each in a sandbox of its own',
  webPage: 'http://127.0.0.1:4000',
  taken: [],
}

it('tells how to call the gRPC service', () => {
  expect(trials(addresses)).toEqual(
    expect.arrayContaining([['gRPC: what is there', 'grpcurl -plaintext 127.0.0.1:8080 list']]),
  )
})

it('names the address of the function engine only where it is an unusual one', () => {
  expect(functionGuide(addresses, '/f')).toMatch(
    /^ {2}the same, called {2}npx sekisho fn invoke hello -d '\{"foo":"bar"\}'$/m,
  )
  const elsewhere = functionGuide({ ...addresses, functions: 'http://127.0.0.1:9191' }, '/f')
  expect(elsewhere).toMatch(/deploy \/f --watch --endpoint-url http:\/\/127\.0\.0\.1:9191$/m)
})

it('tells how to get it where it is not installed', () => {
  const tries = trials({ ...addresses, webPage: undefined })
  expect(tries.at(-1)).toEqual(['gRPC', expect.stringMatching(/^npm install @sekisho\/greeter, /)])
  expect(tries.join()).not.toContain('grpcurl')
  expect(ownGuide('own.yaml', [addresses.gateway], undefined, [1, 2], undefined)).not.toContain('gRPC')
})

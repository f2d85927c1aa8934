import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { AUTHORITY, OTHER_AUTHORITY } from '../../tls/testing/authorities.ts'
import { ALICE } from '../../tls/testing/client-certificates.ts'
import { A_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { contentOf } from '../backend/testing/backend-contract.ts'
import { Recorder } from '../backend/testing/recorder.ts'
import { EtcdServer, etcdProgram } from './testing/etcd-server.ts'
import { JsonGateway } from './testing/json-gateway.ts'
import { follow, open, put } from './testing/open-stores.ts'

describe.skipIf(etcdProgram === undefined)('TLS (needs etcd)', () => {
  let server: EtcdServer
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sekisho-etcd-tls-'))
    const file = (name: string, pem: string): string => {
      writeFileSync(join(folder, name), pem)
      return join(folder, name)
    }
    const flags = ['--cert-file', file('cert.pem', A_CERTIFICATE), '--key-file', file('key.pem', KEY)]
    const clients = ['--client-cert-auth', '--trusted-ca-file', file('ca.pem', AUTHORITY)]
    server = await EtcdServer.start({ scheme: 'https', flags: [...flags, ...clients] })
  })
  afterAll(async () => {
    await server.dispose()
    rmSync(folder, { recursive: true })
  })

  const identity = { cert: ALICE, key: KEY }

  test('with a certificate of its own, and the name in that of etcd', async () => {
    const tls = { ca: AUTHORITY, serverName: 'a.test', ...identity }
    const backend = await open({ endpoints: [server.url], tls })
    const recorder = await follow(backend)
    await recorder.reached(await put(backend, 'routes/1', '{}'))
    expect(recorder.eventKeys()).toEqual(['routes/1'])
  })

  test.each([
    ['an authority that is not trusted', { ca: OTHER_AUTHORITY, serverName: 'a.test', ...identity }],
    ['another name', { ca: AUTHORITY, serverName: 'b.test', ...identity }],
    ['no certificate of its own', { ca: AUTHORITY, serverName: 'a.test' }],
  ])('%s: no connection', async (_, tls) => {
    const backend = await open({ endpoints: [server.url], tls, requestTimeoutMs: 300 })
    await expect(backend.snapshot()).rejects.toThrow(`127.0.0.1:${server.port}`)
  })

  test('PEM that is none is refused at once, with what OpenSSL says', async () => {
    await expect(open({ endpoints: [server.url], tls: { ca: AUTHORITY, cert: 'x', key: 'y' } })).rejects.toThrow('PEM')
  })

  test('an endpoint without a scheme is one with TLS where TLS is set', async () => {
    const tls = { ca: AUTHORITY, serverName: 'a.test', ...identity }
    const backend = await open({ endpoints: [`127.0.0.1:${server.port}`], tls })
    expect((await backend.snapshot()).documents.size).toBe(0)
  })
})

describe.skipIf(etcdProgram === undefined)('users (needs etcd)', () => {
  let server: EtcdServer
  const prefix = '/secured'

  beforeAll(async () => {
    server = await EtcdServer.start({ flags: ['--auth-token-ttl', '1'] })
    await new JsonGateway(server.url).enableUsers('jane', 'secret', prefix)
  })
  afterAll(() => server.dispose())

  const jane = { user: 'jane', password: 'secret' }

  test('documents are read, written and followed; a token that has run out is replaced', async () => {
    const backend = await open({ endpoints: [server.url], prefix, ...jane })
    const recorder = await follow(backend)
    await recorder.reached(await put(backend, 'routes/1', '1'))
    // Tokens are forgotten by a member that is started again.
    await server.kill()
    await recorder.until(() => recorder.states.at(-1)?.connected === false)
    await server.start()
    await recorder.reached(await put(backend, 'routes/2', '2'))
    expect(recorder.eventKeys()).toEqual(['routes/1', 'routes/2'])
    await backend.commit([{ key: 'routes/3', value: '3', ttlSeconds: 2 }], [], { who: 'x', from: 'y' })
    // Two seconds, in which nothing is asked: the token is over after one.
    await recorder.until(() => recorder.eventKeys().length === 4)
    expect(contentOf(await backend.snapshot())).toEqual({ 'routes/1': '1', 'routes/2': '2' })
  })

  test.each([
    ['a wrong password', { user: 'jane', password: 'wrong' }, 'user or password of the store is wrong'],
    ['no user', {}, 'set user and password of the store'],
  ])('%s: refused with what to do', async (_, user, words) => {
    const backend = await open({ endpoints: [server.url], prefix, requestTimeoutMs: 500, ...user })
    await expect(backend.snapshot()).rejects.toThrow(words)
    await expect(put(backend, 'routes/1', '1')).rejects.toThrow(words)
    const recorder = new Recorder()
    onTestFinished(backend.watch(1, recorder))
    await recorder.until(() => recorder.states.at(-1)?.reason?.includes(words) === true)
  })

  test('a prefix that the user may not read: refused with what to do', async () => {
    const backend = await open({ endpoints: [server.url], prefix: '/other', ...jane })
    await expect(backend.snapshot()).rejects.toThrow('grant the user reading and writing of the prefix')
    const recorder = new Recorder()
    onTestFinished(backend.watch(1, recorder))
    await recorder.until(() => recorder.states.at(-1)?.reason?.includes('permission denied') === true)
  })
})

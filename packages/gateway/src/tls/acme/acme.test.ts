import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AcmeSettings } from '../../config/settings/acme.ts'
import { TlsGateway } from '../testing/tls-gateway.ts'
import { AcmeCertificates } from './acme-certificates.ts'
import { ChallengeBoard } from './board.ts'
import { AcmeOrders } from './order.ts'
import { AcmeStorage } from './storage.ts'
import { FakeCa, type FakeCaOptions } from './testing/fake-ca.ts'
import { hasOpenssl } from './testing/issuer.ts'

let folder: string
let gateway: TlsGateway
let ca: FakeCa
let board: ChallengeBoard
/** Answers that the gateway holds, whether or not the board was told. */
let deliver = true

async function start(options: Partial<FakeCaOptions> = {}): Promise<void> {
  gateway = await TlsGateway.start({})
  ca = await FakeCa.start({ validationPort: () => gateway.gateway.port, ...options })
}

beforeEach(() => {
  deliver = true
  folder = mkdtempSync(join(tmpdir(), 'sekisho-acme-'))
  board = new ChallengeBoard((sequence, token, answer) => {
    if (deliver) gateway.gateway.worker.challenges.set(token, answer)
    queueMicrotask(() => board.acknowledged(0, sequence))
  })
  board.workerStarted(0)
})
afterEach(async () => {
  await gateway.close()
  await ca.close()
  rmSync(folder, { recursive: true })
})

const settings = (more: Partial<AcmeSettings> = {}): AcmeSettings => ({
  domains: ['a.test'],
  email: 'ops@a.test',
  directory: ca.directory,
  externalAccount: undefined,
  storage: folder,
  ...more,
})
const storage = (): AcmeStorage => new AcmeStorage(folder, ca.directory)
const orders = (more?: Partial<AcmeSettings>): AcmeOrders =>
  new AcmeOrders({ settings: settings(more), storage: storage(), board, pollMs: 5 })

describe.skipIf(!hasOpenssl)('against an authority (openssl)', () => {
  test('a certificate for the domain, by a challenge that the gateway answers', async () => {
    await start()
    const { cert, key } = await orders().order('a.test')
    const leaf = new X509Certificate(cert)
    expect(leaf.checkHost('a.test')).toBe('a.test')
    expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true)
    expect(leaf.verify(new X509Certificate(ca.issuer.root).publicKey)).toBe(true)
    expect(ca.accounts[0].contact).toEqual(['mailto:ops@a.test'])
    expect(ca.problems).toEqual([])
    // Nothing is left of the order.
    expect(board.pending.size).toBe(0)
    expect(gateway.gateway.worker.challenges.pending).toBe(0)
  })

  test('one account for all domains, and over restarts', async () => {
    await start()
    const first = orders()
    await Promise.all([first.order('a.test'), first.order('b.test')])
    await orders().order('c.test')
    expect(ca.accounts).toHaveLength(1)
    expect(ca.problems).toEqual([])
  })

  test('a nonce that is refused is no failure', async () => {
    await start()
    ca.refuseNonce = true
    await orders().order('a.test')
    expect(ca.problems).toEqual([expect.stringMatching(/^badNonce/)])
  })

  test('a customer of the authority', async () => {
    const externalAccount = { kid: 'customer-1', hmacKey: Buffer.alloc(32, 7).toString('base64url') }
    await start({ externalAccount })
    await expect(orders().order('a.test')).rejects.toThrow('no external account')
    await orders({ externalAccount }).order('a.test')
    expect(ca.accounts).toHaveLength(1)
  })

  test('the host does not answer: the reason is the authority’s', async () => {
    await start()
    deliver = false
    await expect(orders().order('a.test')).rejects.toThrow('the host answered {')
    expect(board.pending.size).toBe(0)
  })

  test('an authority that wants another challenge', async () => {
    await start({ challengeTypes: ['dns-01'] })
    await expect(orders().order('a.test')).rejects.toThrow('the authority offers no http-01 challenge for a.test')
  })

  test('an authority that is down', async () => {
    await start()
    const closed = await FakeCa.start({ validationPort: () => 0 })
    const { directory } = closed
    await closed.close()
    await expect(orders({ directory }).order('a.test')).rejects.toThrow(/^http:.*cannot be reached: .*ECONNREFUSED/)
  })

  test('the certificate is served at once, and again after a restart without asking', async () => {
    await start()
    const { table } = gateway.gateway.worker
    const serve = async (): Promise<AcmeCertificates> => {
      const published = new Promise<void>((resolve) => {
        certificates = new AcmeCertificates({
          domains: ['a.test'],
          storage: storage(),
          order: orders().order,
          publish: (id, value) => {
            table.apply([{ kind: 'ssls', id, value }])
            resolve()
          },
          logger: { error: () => undefined, warn: () => undefined, info: () => undefined },
        })
      })
      await certificates.load()
      certificates.start()
      await published
      return certificates
    }
    let certificates = undefined as unknown as AcmeCertificates
    await expect(gateway.connect({ servername: 'a.test' })).rejects.toThrow()
    ;(await serve()).stop()
    const client = await gateway.connect({ servername: 'a.test', ca: ca.issuer.root })
    expect(client.socket.authorized).toBe(true)
    expect((await client.get('/x')).body.url).toBe('/x')
    // The file is written after the certificate was published.
    await expect.poll(() => storage().readCertificate('a.test')).toBeDefined()
    const asked = ca.requests.length
    table.apply([{ kind: 'ssls', id: 'acme:a.test', value: undefined }])
    await expect(gateway.connect({ servername: 'a.test' })).rejects.toThrow()
    ;(await serve()).stop()
    await gateway.connect({ servername: 'a.test', ca: ca.issuer.root })
    expect(ca.requests.length).toBe(asked)
  })

  test('tokens that are not pending are requests as any others', async () => {
    await start()
    const path = '/.well-known/acme-challenge/none'
    gateway.gateway.worker.challenges.set('other', 'answer')
    expect((await gateway.gateway.fetch(path)).json()).toMatchObject({ url: path })
    expect((await gateway.gateway.fetch('/.well-known/acme-challenge/other')).body).toBe('answer')
    gateway.gateway.worker.challenges.set('other', undefined)
    expect((await gateway.gateway.fetch('/.well-known/acme-challenge/other')).headers['x-echo']).toBe('1')
  })
})

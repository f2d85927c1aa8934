import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { A_CERTIFICATE, KEY } from '../testing/server-certificates.ts'
import { AcmeStorage } from './storage.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-acme-'))
afterAll(() => rmSync(folder, { recursive: true }))

const PAIR = { cert: A_CERTIFICATE, key: KEY }

test('gives back what it was given, and nothing of another authority', async () => {
  const storage = new AcmeStorage(folder, 'https://ca.test/directory')
  expect(await storage.readCertificate('a.test')).toBeUndefined()
  expect(await storage.readAccountKey()).toBeUndefined()
  await storage.writeCertificate('a.test', PAIR)
  await storage.writeAccountKey(KEY)
  const again = new AcmeStorage(folder, 'https://ca.test/directory')
  expect(await again.readCertificate('a.test')).toEqual(PAIR)
  expect(await again.readAccountKey()).toBe(KEY)
  const staging = new AcmeStorage(folder, 'https://ca.test/staging')
  expect(await staging.readCertificate('a.test')).toBeUndefined()
})

test('files are for the gateway alone, also where others stood before', async () => {
  const storage = new AcmeStorage(folder, 'https://other.test/directory')
  await storage.writeCertificate('a.test', PAIR)
  const own = join(folder, readdirSync(folder).find((name) => name.startsWith('other.test')) as string)
  expect(statSync(own).mode & 0o777).toBe(0o700)
  const file = join(own, 'a.test.pem')
  writeFileSync(file, 'open', { mode: 0o644 })
  await storage.writeCertificate('a.test', PAIR)
  await storage.writeAccountKey(KEY)
  expect(readdirSync(own).sort()).toEqual(['a.test.pem', 'account.key'])
  for (const name of readdirSync(own)) expect(statSync(join(own, name)).mode & 0o777).toBe(0o600)
})

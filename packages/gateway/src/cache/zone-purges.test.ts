import { PurgeTable } from '@sekisho/proxy'
import { expect, it } from 'vitest'
import { adminTester, VIEWER_KEY } from '../admin/testing/admin-tester.ts'
import { zoneBuffer, zoneBuffers } from './zone-buffers.ts'
import { purgeUrl, ZonePurges } from './zone-purges.ts'

const zones = ['one', 'two'].map((name) => ({ name, memoryBytes: 65_536, disk: undefined }))

async function tester() {
  const buffers = zoneBuffers(zones, 1)
  const admin = await adminTester({ caches: new ZonePurges(zones, buffers) })
  const table = (zone: string): PurgeTable => new PurgeTable(buffers[zoneBuffer(zone, 'purges')])
  const isPurged = (zone: string, name: string): boolean => table(zone).isPurged([table(zone).cellOf(name)], 0)
  return { ask: (body: unknown) => admin.ask('POST', '//v1/cache/purge', body), admin, isPurged }
}

it('purges by URL, tag and all, in the zone that is named or in every one', async () => {
  const { ask, isPurged } = await tester()
  expect((await ask({ url: 'HTTP://Shop.test:80/a?b=c#d', zone: 'one' })).status).toBe(200)
  expect(isPurged('one', 'url http://shop.test/a?b=c')).toBe(true)
  expect(isPurged('two', 'url http://shop.test/a?b=c')).toBe(false)
  await ask({ tag: 'shoes' })
  expect([isPurged('one', 'tag shoes'), isPurged('two', 'tag shoes')]).toEqual([true, true])
  expect(isPurged('two', 'all')).toBe(false)
  await ask({ all: true, zone: 'two' })
  expect([isPurged('one', 'all'), isPurged('two', 'all')]).toEqual([false, true])
})

it.each([
  [{}, 400],
  [{ url: 'shop' }, 400],
  [{ url: 'ftp://a/' }, 400],
  [{ tag: '' }, 400],
  [{ tag: 'a', all: true }, 400],
  [{ all: false }, 400],
  ['no JSON', 400],
  ['null', 400],
  [{ all: true, zone: 'three' }, 404],
])('refuses %j', async (body, status) => {
  const { ask } = await tester()
  expect((await ask(body)).status).toBe(status)
})

it('is for admins', async () => {
  const { admin, isPurged } = await tester()
  const answer = await admin.ask('POST', '//v1/cache/purge', { all: true }, { 'x-api-key': VIEWER_KEY })
  expect(answer.status).toBe(401)
  expect(isPurged('one', 'all')).toBe(false)
})

it('reads URLs as keys have them', () => {
  expect(purgeUrl('https://A.test:443/x')).toBe('https://a.test/x')
  expect(purgeUrl('https://a.test:8443')).toBe('https://a.test:8443/')
  expect(purgeUrl('/x')).toBeUndefined()
})

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startDiscovering, startNode } from '../testing/discovering-gateway.ts'
import { RecordingListener } from '../testing/recording-listener.ts'
import { FileSource } from './file-source.ts'

let folder: string
let path: string
let closing: (() => void | Promise<void>)[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-file-'))
  path = join(folder, 'services.yaml')
  closing = []
})
afterEach(async () => {
  for (const close of closing.toReversed()) await close()
  rmSync(folder, { recursive: true })
})

/** As programs write that mind their readers. */
function write(text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

async function watch(service = 'shop'): Promise<RecordingListener> {
  const source = new FileSource({ path })
  await source.open()
  closing.push(() => source.close())
  const listener = new RecordingListener()
  closing.push(source.watch(service, {}, listener))
  return listener
}

it('reads both forms of nodes, and what is written over them', async () => {
  write('services:\n  shop: { "10.0.0.1:80": 2, "[::1]:81": 1, host: 1 }\n')
  const listener = await watch()
  expect(listener.answers).toEqual([
    [
      { host: '10.0.0.1', port: 80, weight: 2 },
      { host: '::1', port: 81, weight: 1 },
      { host: 'host', port: undefined, weight: 1 },
    ],
  ])
  write('services: { shop: [{ host: "[::1]", port: 82, weight: 3, priority: -1, metadata: { zone: a } }] }')
  await listener.until(({ answers }) => answers.length === 2)
  expect(listener.answers[1]).toEqual([{ host: '::1', port: 82, weight: 3, priority: -1, metadata: { zone: 'a' } }])
  write('services: { other: { "10.0.0.9:1": 1 } }')
  await listener.until(({ answers }) => answers.length === 3)
  expect(listener.answers[2]).toEqual([])
})

it('says what is wrong with a file, and reads it when it is right or there at last', async () => {
  const listener = await watch()
  expect(listener.errors).toEqual([`${path} does not exist`])
  const wrong: [string, RegExp][] = [
    ['', /has no "services: \{ NAME: nodes \}"$/],
    ['services: [', /is not YAML/],
    ['services: []', /has no "services/],
    ['services: { shop: 3 }', /has no nodes for "shop": write/],
  ]
  for (const [text, message] of wrong) {
    write(text)
    await listener.until(({ errors }) => message.test(errors.at(-1) ?? ''))
  }
  write('services: { shop: { "10.0.0.1:80": 1 } }')
  await listener.until(({ last }) => last.join() === '10.0.0.1:80')
})

it('takes nodes in and out of a gateway that serves, and goes on while the file is broken or gone', async () => {
  const nodes = [await startNode(), await startNode()]
  closing.push(...nodes.map(({ close }) => close))
  const [a, b] = nodes.map(({ port }) => port)
  const services = (...ports: number[]): string =>
    JSON.stringify({ services: { shop: Object.fromEntries(ports.map((port) => [`127.0.0.1:${port}`, 1])) } })
  write(services(a))
  const gateway = await startDiscovering({ file: { path } }, { service_name: 'shop', discovery_type: 'file' })
  closing.push(() => gateway.close())
  expect(await gateway.ports()).toEqual([a])
  write(services(a, b))
  await gateway.meets(a, b)
  write(services(b))
  await gateway.meets(b)
  write('services: {')
  await expect.poll(() => gateway.lines.join('\n')).toContain('is not YAML')
  expect(await gateway.ports()).toEqual([b])
  rmSync(path)
  await expect.poll(() => gateway.gateway.metrics.render()).toMatch(/discovery_errors_total\{[^}]*\} ([2-9]|\d\d)/)
  expect(await gateway.ports()).toEqual([b])
})

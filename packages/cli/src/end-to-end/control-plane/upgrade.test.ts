import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually } from '../../testing/eventually.ts'
import { type AdminAnswer, GatewayNode } from './testing/node.ts'
import { numbered, PairLoad, seenBy, startUpstream } from './testing/pairs.ts'

const TIMEOUT_MS = 120_000
const WRITERS = 4
const UPGRADES = 3

let folder: string
let upstream: Server
let node: GatewayNode | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-upgrade-'))
  upstream = await startUpstream()
})
afterEach(async () => {
  await node?.stop()
  await new Promise((resolve) => upstream.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

/** Writes without a pause, each to a resource of its own, and keeps what was said. */
class Writer {
  readonly acknowledged: string[] = []
  readonly wrong: string[] = []
  later = 0
  readonly #done: Promise<void>
  #stopped = false

  constructor(to: GatewayNode, name: string) {
    this.#done = this.#run(to, name)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(to: GatewayNode, name: string): Promise<void> {
    for (let count = 0; !this.#stopped; count++) {
      const id = `${name}-${count}`
      const route = { uri: `/${id}`, upstream_id: 'up' }
      const answer = await to.ask('PUT', `routes/${id}`, route).catch((error: Error) => error)
      if (answer instanceof Error) this.wrong.push(`${id}: ${answer.message}`)
      else if (answer.status === 201) this.acknowledged.push(id)
      else if (isLater(answer)) this.later++
      else this.wrong.push(`${id}: ${answer.status} ${JSON.stringify(answer.body)}`)
    }
  }
}

/** A clear no, with when to come again. */
const isLater = ({ status, headers, body }: AdminAnswer): boolean =>
  status === 503 &&
  Number(headers['retry-after']) > 0 &&
  typeof (body as { error_msg?: unknown }).error_msg === 'string'

it('upgrades in place with an embedded store, while it is written and serves', { timeout: TIMEOUT_MS }, async () => {
  const started = await GatewayNode.start(join(folder, 'node'), '{ type: embedded, path: ./data }')
  node = started
  await node.tell('POST', 'transaction', numbered(1, upstream))
  await eventually(
    () => seenBy(started, '/one').catch(String),
    (seen) => typeof seen !== 'string',
  )
  const load = new PairLoad(node)
  const writers = Array.from({ length: WRITERS }, (_, at) => new Writer(started, `writer${at}`))
  const written = (): number => writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
  for (let generation = 2; generation <= UPGRADES + 1; generation++) {
    const before = written()
    await eventually(
      () => Promise.resolve(written()),
      (now) => now > before + 50,
    )
    node.sekisho.child.kill('SIGUSR2')
    const [line] = await node.sekisho.printed(
      new RegExp(`^serving .* generation ${generation}\\)$|^.*before it was ready.*$`, 'm'),
    )
    expect(line).toMatch(/^serving/)
  }
  // The last process before has let go when the new one writes.
  const before = written()
  await eventually(
    () => Promise.resolve(written()),
    (now) => now > before + 50,
  )
  await Promise.all([...writers.map((writer) => writer.stop()), load.stop()])

  for (const { wrong } of writers) expect(wrong).toEqual([])
  expect(load).toMatchObject({ failures: [], mixtures: [] })
  const { routes } = (await node.ask('GET', 'configs')).body as { routes: { id: string }[] }
  const there = new Set(routes.map(({ id }) => id))
  expect(writers.flatMap(({ acknowledged }) => acknowledged).filter((id) => !there.has(id))).toEqual([])
  // And serves them: the last one of each writer is a route of the last process.
  for (const { acknowledged } of writers) {
    const last = acknowledged.at(-1)!
    await eventually(
      () =>
        seenBy(started, `/${last}`).then(
          () => true,
          () => false,
        ),
      (served) => served,
    )
  }
})

import { expect, onTestFinished, test } from 'vitest'
import { definePlugin, type PluginDefinition } from '../plugins/definition.ts'
import { Type } from '../schema/type.ts'
import { startGateway } from '../testing/start-gateway.ts'

const events: string[] = []

/** Says what it is told, and where it stands. */
const inner = definePlugin({
  name: 'inner',
  priority: 10,
  schema: Type.Object({ say: Type.String(), mark: Type.String({ default: '!' }) }, { additionalProperties: false }),
  metadataSchema: Type.Object({ tone: Type.String({ default: 'calm' }) }),
  check: ({ say }) => (say === 'bad' ? { path: '/say', message: 'is a bad word; write another' } : undefined),
  create({ say, mark }, { scope, metadata }) {
    events.push(`made ${say}`)
    return {
      rewrite: (session) => session.request.headers.set(`x-${say}`, `${scope} ${mark} ${metadata.tone}`),
      dispose: () => void events.push(`gone ${say}`),
    }
  },
})

/** Runs others. */
const outer = definePlugin({
  name: 'outer',
  priority: 20,
  schema: Type.Object({
    actions: Type.Array(Type.Tuple([Type.String(), Type.Record(Type.String(), Type.Unknown())])),
  }),
  uses: ({ actions }) => ({
    plugins: actions.map(([name, config], index) => ({ path: `/actions/${index}/1`, name, config })),
  }),
  create({ actions }, { instance }) {
    const hooks = actions.map(([name, config]) => instance(name, config))
    return {
      rewrite(session) {
        for (const one of hooks) void one.rewrite?.(session)
      },
      dispose: () => void events.push('gone outer'),
    }
  },
})

const own = [inner, outer] as unknown as PluginDefinition[]
const route = (...actions: [string, object][]) => ({
  uri: '/*',
  upstream_id: 'echo',
  id: 'r',
  plugins: { outer: { actions } },
})
const say = (word: string, more: object = {}): [string, object] => ['inner', { say: word, ...more }]

test('a plugin runs others, with defaults and scopes of their own, and they go with it', async () => {
  events.length = 0
  const gateway = await startGateway({ routes: [route(say('a'), say('b', { mark: '?' }))] }, own)
  onTestFinished(() => gateway.close())
  const seen = async () => ((await gateway.fetch('/')).json() as { headers: Record<string, string> }).headers
  expect(await seen()).toMatchObject({ 'x-a': 'routes/r/outer/0 ! calm', 'x-b': 'routes/r/outer/1 ? calm' })
  // Metadata of one within: the holder is made anew.
  const metadata = [{ id: 'inner', tone: 'loud' }]
  await gateway.update({ routes: [route(say('a'), say('b'))], plugin_metadata: metadata })
  expect(await seen()).toMatchObject({ 'x-a': 'routes/r/outer/0 ! loud', 'x-b': 'routes/r/outer/1 ! loud' })
  expect(events).toEqual(['made a', 'made b', 'gone outer', 'gone a', 'gone b', 'made a', 'made b'])
  await gateway.update({ routes: [] })
  expect(events.slice(7)).toEqual(['gone outer', 'gone a', 'gone b'])
})

test('built-in plugins within are loaded, at any depth and wherever they stand', async () => {
  const deep: [string, object] = [
    'outer',
    { actions: [['outer', { actions: [['proxy-rewrite', { headers: { set: { 'x-deep': '1' } } }]] }]] },
  ]
  const gateway = await startGateway(
    {
      global_rules: [{ id: 'g', plugins: { outer: { actions: [deep] } } }],
      routes: [{ uri: '/*', upstream_id: 'echo' }],
    },
    own,
  )
  onTestFinished(() => gateway.close())
  expect((await gateway.fetch('/')).body).toContain('"x-deep":"1"')
})

const refused = async (document: object): Promise<string> => {
  const failure = await startGateway(document, own).then(
    (gateway) => gateway.close(),
    (error: Error) => error.message,
  )
  return failure ?? ''
}

test('what is wrong within is told at its place', async () => {
  expect(await refused({ routes: [route(['iner', {}])] })).toContain('did you mean "inner"?')
  const wrong = await refused({ routes: [route(say('a'), ['inner', { sya: 'b' }])] })
  expect(wrong).toContain('/routes/0/plugins/outer/actions/1/1/sya')
  expect(await refused({ routes: [route(say('bad'))] })).toContain('is a bad word')
  expect(await refused({ routes: [route(say('a', { _meta: { disable: true } }))] })).toContain('/actions/0/1/_meta')
  expect(await refused({ plugins: ['outer'], routes: [route(say('a'))] })).toContain('plugin "inner" is not allowed')
  let deep = say('a')
  for (let depth = 0; depth < 10; depth++) deep = ['outer', { actions: [deep] }]
  expect(await refused({ routes: [route(deep)] })).toContain('more than 8 plugins stand within each other')
})

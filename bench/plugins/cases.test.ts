import { describe, expect, it } from 'vitest'
import { builtInNames } from '../../packages/gateway/src/plugins/built-in.ts'
import { WorkerUnderTest } from '../../packages/gateway/src/testing-kit/worker-under-test.ts'
import { CASES, LIMIT_MICROS, type PluginCase } from './cases.js'

const given = (value: unknown): object =>
  (typeof value === 'function' ? (value as (port: number) => object)(9_999) : (value ?? {})) as object

describe('the cases of npm run bench:plugins', () => {
  it('are for all plugins', () => {
    expect(builtInNames().filter((name) => CASES[name] === undefined)).toEqual([])
  })

  it('have twenty that are the commonest', () => {
    expect(Object.values(CASES).filter(({ common }: PluginCase) => common)).toHaveLength(20)
    expect(LIMIT_MICROS).toBe(5)
  })

  const measured = Object.entries(CASES).filter(
    ([name, { unmeasured }]) => unmeasured === undefined && builtInNames().includes(name),
  )
  it.each(measured)('%s: a gateway takes its configuration', async (name, one) => {
    const { config, document, beside = {} } = one
    const under = await WorkerUnderTest.start(
      {
        ...given(document),
        upstreams: [{ id: 'u', nodes: { '127.0.0.1:1': 1 } }],
        routes: [{ id: 'one', uri: '/*', upstream_id: 'u', plugins: { ...beside, [name]: given(config) } }],
      },
      { environment: {} },
    )
    await under.stop()
  })
})

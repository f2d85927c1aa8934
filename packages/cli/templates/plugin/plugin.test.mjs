import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { mountPlugin, runPlugin } from '@sekisho/gateway/testing'

// The file, compiled as the gateway does it.
const plugin = new URL('./__name__.ts', import.meta.url)

describe('__name__', () => {
  let mounted
  before(async () => (mounted = await mountPlugin(plugin, { text: 'good morning', deny: ['BadBot/1.0'] })))
  after(() => mounted.close())

  it('says hello', async () => {
    const run = await mounted.run({ path: '/orders?id=7', headers: { 'User-Agent': 'curl/8.5.0' } })
    assert.equal(run.status, 200)
    assert.equal(run.headers['x-hello'], 'good morning')
    assert.equal(run.upstreamRequest.url, '/orders?id=7')
  })

  it('keeps out who is on the list', async () => {
    const run = await mounted.run({ headers: { 'User-Agent': 'BadBot/1.0' } })
    assert.equal(run.status, 403)
    assert.deepEqual(run.json(), { message: 'not you' })
    assert.equal(run.upstreamRequest, undefined)
  })

  it('has defaults, and refuses what it does not know', async () => {
    assert.equal((await runPlugin(plugin, {})).headers['x-hello'], 'hello')
    await assert.rejects(runPlugin(plugin, { denied: [] }), /denied/)
  })
})

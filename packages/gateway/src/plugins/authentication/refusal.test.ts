import { describe, expect, it, vi } from 'vitest'
import type { GatewaySession } from '../../session.ts'
import { refusal } from './refusal.ts'
import type { PluginContext } from '../context.ts'

const GUEST = { username: 'guest', groupId: undefined, labels: undefined, plugins: {} }

/** A refusal where these consumers exist, and what it did to a session. */
function refusing(anonymous: string | undefined, names: readonly string[]) {
  const error = vi.fn()
  const consumers = { find: () => undefined, byName: (name: string) => (names.includes(name) ? GUEST : undefined) }
  const refuse = refusal('apikey realm="key"', anonymous, { consumers, logger: { error } } as unknown as PluginContext)
  const respond = vi.fn()
  const attachConsumer = vi.fn()
  const session = { respond, ctx: { attachConsumer } } as unknown as GatewaySession
  return { error, respond, attachConsumer, refuse: () => refuse(session, 'no key') }
}

describe('refusal', () => {
  it('answers 401 with the reason and the challenge', () => {
    const { refuse, respond, attachConsumer } = refusing(undefined, ['guest'])
    refuse()
    expect(respond).toHaveBeenCalledExactlyOnceWith(
      401,
      { message: 'no key' },
      { 'WWW-Authenticate': 'apikey realm="key"' },
    )
    expect(attachConsumer).not.toHaveBeenCalled()
  })

  it('lets the anonymous consumer stand in', () => {
    const { refuse, respond, attachConsumer } = refusing('guest', ['guest'])
    refuse()
    expect(attachConsumer).toHaveBeenCalledExactlyOnceWith(GUEST)
    expect(respond).not.toHaveBeenCalled()
  })

  it('says once, not once a request, that the anonymous consumer does not exist', () => {
    const { refuse, respond, error } = refusing('guest', [])
    for (let request = 0; request < 3; request++) refuse()
    expect(respond).toHaveBeenCalledTimes(3)
    expect(error).toHaveBeenCalledTimes(1)
    expect(error.mock.calls[0][0]).toEqual({ anonymous_consumer: 'guest' })
  })
})

import type { MiddlewareHandler } from 'hono'
import { CidrSet } from '../../addresses/index.ts'
import type { AdminEnv, AdminOptions } from '../admin-options.ts'
import { reply } from '../request/reply.ts'
import { AdminKeys } from './admin-keys.ts'
import { remoteAddress } from './remote-address.ts'
import { WrongKeyLimit } from './wrong-key-limit.ts'

/** APISIX's clients know a missing key by these two fields. */
const failure = (description: string, remedy: string): object => ({
  error_msg: 'failed to check token',
  description,
  remedy,
})

/** Lets in who comes from an allowed network with a known key, and viewers for reading only. */
export function authorise(options: AdminOptions): MiddlewareHandler<AdminEnv> {
  const keys = new AdminKeys(options.keys)
  const limit = new WrongKeyLimit(options.now ?? (() => performance.now()))
  return async (c, next) => {
    const address = remoteAddress(c)
    const wait = limit.wait(address)
    if (wait > 0) {
      const error_msg = `too many wrong keys from this address; try again in ${wait} s`
      return reply(c, 429, { error_msg }, { 'retry-after': String(wait) })
    }
    const given = c.req.header('x-api-key')
    if (given === undefined || given === '')
      return reply(c, 401, failure('missing apikey', 'send the key in the header X-API-KEY'))
    const key = keys.find(given)
    if (key === undefined) {
      limit.failed(address)
      options.logger.warn({ address }, 'the Admin API was asked with a wrong key')
      return reply(c, 401, failure('wrong apikey', 'the keys are those of "admin.keys" in the configuration file'))
    }
    if (key.role === 'viewer' && c.req.method !== 'GET' && c.req.method !== 'HEAD')
      return reply(c, 401, failure('invalid method for role viewer', 'use a key with the role "admin" to write'))
    c.set('key', key)
    return next()
  }
}

/** 403 for who comes from elsewhere; Unix sockets have permissions of their own. */
export function onlyFrom(networks: readonly string[]): MiddlewareHandler<AdminEnv> {
  const allowed = new CidrSet(networks)
  return async (c, next) => {
    const address = remoteAddress(c)
    if (address === 'local' || allowed.has(address)) return next()
    return reply(c, 403, {
      error_msg: `clients at ${address} may not use the Admin API; add their network to "admin.allow_admin"`,
    })
  }
}

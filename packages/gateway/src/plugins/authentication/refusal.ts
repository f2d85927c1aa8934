import { Type } from '../../schema/type.ts'
import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'

/** Any text that needs no escape between double quotes (RFC 9110 section 5.6.4). */
export const realmOptions = {
  minLength: 1,
  maxLength: 128,
  pattern: '^[ -!#-[\\]-~]+$',
  patternErrorMessage: 'may hold visible ASCII characters and spaces, without " and \\',
  description: 'the realm in WWW-Authenticate of a 401: tells the caller which credentials are asked for',
} as const

export const AnonymousConsumer = Type.Optional(
  Type.String({
    minLength: 1,
    description: 'the consumer that stands for callers without valid credentials, instead of a 401',
  }),
)

/** Handles a caller that was not recognised; `message` says why, for the body of the answer. */
export type Refuse = (session: GatewaySession, message: string) => void

/**
 * What an auth plugin does with a caller it does not recognise: it counts as the anonymous consumer when there is one,
 * and gets a 401 with the challenge otherwise (RFC 9110 section 11.6.1 wants one in every 401).
 *
 * @param hide takes credentials out of a request that goes on. Where it does not, they stay: another plugin of `multi-auth` may know them.
 */
export function refusal(
  challenge: string,
  anonymous: string | undefined,
  { consumers, logger }: PluginContext<unknown>,
  hide?: (session: GatewaySession) => void,
): Refuse {
  const fields = { 'WWW-Authenticate': challenge }
  // Said once for each configuration: a line per request would let strangers fill the log.
  let reported = false
  return (session, message) => {
    if (anonymous !== undefined) {
      const consumer = consumers.byName(anonymous)
      if (consumer !== undefined) {
        hide?.(session)
        return session.ctx.attachConsumer(consumer)
      }
      if (!reported)
        logger.error(
          { anonymous_consumer: anonymous },
          'the anonymous consumer does not exist: callers without credentials get 401',
        )
      reported = true
    }
    session.respond(401, { message }, fields)
  }
}

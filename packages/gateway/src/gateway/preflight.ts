import type { MaybePromise } from '@sekisho/proxy'
import type { MountedPlugin } from '../plan/mounted-plugin.ts'
import type { Plan } from '../plan/plan.ts'
import { passes, runChain } from '../plan/run-chain.ts'
import type { GatewaySession } from '../session.ts'
import type { GatewayTable } from './gateway-table.ts'

/**
 * For an OPTIONS request: the plan of the route that is asked about, if it is a browser's question (Fetch, "CORS-preflight request") and one of
 * the plugins there answers it. The route is found by the method that is asked for: it need not take OPTIONS itself.
 */
export function preflightPlan(session: GatewaySession, table: GatewayTable): Plan | undefined {
  const { ctx, request } = session
  const method = request.headers.get('access-control-request-method')
  if (method === undefined || !request.headers.has('origin')) return undefined
  const plan = table.matchAs(ctx, method)
  if (plan === undefined || plan.preflight.length === 0) return undefined
  ctx.plan = plan
  for (const plugin of plan.preflight) {
    if (passes(plugin, session) && plugin.hooks.preflight?.(session) === true) return plan
  }
  ctx.plan = undefined
  return undefined
}

export function answerPreflight(session: GatewaySession, plan: Plan): MaybePromise<void> {
  const waiting = runChain(beforeAuthentication(plan), 'rewrite', session)
  return waiting === undefined ? session.respond(200) : waiting.then(() => session.respond(200))
}

/** The plugins that have their say (the client's address, an identifier): browsers send no credentials with the question. */
export function beforeAuthentication({ rewrite }: Plan): readonly MountedPlugin[] {
  const auth = rewrite.findIndex(({ isAuth }) => isAuth)
  return auth < 0 ? rewrite : rewrite.slice(0, auth)
}

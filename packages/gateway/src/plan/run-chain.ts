import type { GatewaySession } from '../session.ts'
import type { MountedPlugin } from './mounted-plugin.ts'

/** The phases of plugins that may answer the request or hold it up. */
type AsyncPhase = 'rewrite' | 'access' | 'balancer'

/**
 * Runs the plugins of a phase until one answers. Synchronous as long as they are: a promise is only made behind a plugin
 * that returned one.
 */
export function runChain(
  chain: readonly MountedPlugin[],
  phase: AsyncPhase,
  session: GatewaySession,
  from = 0,
): Promise<void> | undefined {
  for (let at = from; at < chain.length; at++) {
    const plugin = chain[at]
    if (plugin.filter !== undefined && !passes(plugin, session)) continue
    const waiting = plugin.hooks[phase]?.(session)
    if (waiting !== undefined) {
      return waiting.then(() => {
        // finishedAt: the client left while the plugin was waiting.
        if (session.finishedAt !== 0 || answered(plugin, session)) return undefined
        return runChain(chain, phase, session, at + 1)
      })
    }
    if (answered(plugin, session)) return undefined
  }
  return undefined
}

/** Whether a plugin's `_meta.filter` lets it run: asked once per request, so that all its phases agree. */
export function passes(plugin: MountedPlugin, session: GatewaySession): boolean {
  const { filter } = plugin
  if (filter === undefined) return true
  const { ctx } = session
  const known = ctx.getFilterResult(plugin)
  if (known !== undefined) return known
  let result = true
  try {
    result = filter(ctx)
  } catch {
    // As APISIX does: a filter that fails lets the plugin run, which is the safe side for plugins that refuse.
  }
  ctx.setFilterResult(plugin, result)
  return result
}

function answered(plugin: MountedPlugin, session: GatewaySession): boolean {
  if (!session.responded) return false
  if (plugin.errorResponse !== undefined) session.amendResponse(400, plugin.errorResponse)
  return true
}

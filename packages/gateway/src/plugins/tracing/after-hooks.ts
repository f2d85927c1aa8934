import type { PluginLogger } from '../context.ts'

/**
 * Runs what makes a record of a request when the hooks of all plugins have seen it, in the same turn. data-mask takes out of the request what nobody is to see, and runs
 * behind plugins of higher priority. An error there would be nobody's: it is logged here.
 */
export function afterHooks(logger: PluginLogger, record: () => void): void {
  queueMicrotask(() => {
    try {
      record()
    } catch (error) {
      logger.error({ err: error }, 'a request could not be recorded')
    }
  })
}

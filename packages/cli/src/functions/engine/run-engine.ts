import { Platform } from '@sekisho/functions'
import type { FunctionsSettings } from '@sekisho/gateway/internal/config/settings/functions'
import { Failure, say, SilentFailure } from '../../failure.ts'
import { readFunctionsSettings } from '../../commands/read-settings.ts'
import { engineLogger } from './engine-logger.ts'
import type { EngineMessage } from './engine-message.ts'
import { platformOptions } from './platform-options.ts'

/**
 * `sekisho fn engine`: the function engine of a configuration, in the foreground. `sekisho start` runs it beside the gateway; alone it is a
 * function platform without one. Resolves when it has stopped.
 */
export async function runEngine(config: string | undefined): Promise<void> {
  try {
    const { file, functions, graceMs } = readFunctionsSettings(config)
    if (functions === undefined)
      throw new Failure(`${file} has no "functions": write "functions: {}" to have an engine`)
    const platform = await Platform.start(platformOptions(functions, engineLogger))
    const stopped = stopBySignal(() => platform.stop(graceMs))
    if (process.send === undefined) {
      say(`functions on ${platform.address} (driver ${functions.driver}, process ${process.pid})`)
      await warn(functions)
    } else tell({ type: 'ready', address: platform.address })
    await stopped
  } catch (error) {
    if (process.send === undefined || !(error instanceof Error)) throw error
    // The supervisor says it; what was said already, it need not say.
    if (!(error instanceof SilentFailure)) tell({ type: 'failed', reason: error.message })
    throw new SilentFailure(error.message, { cause: error })
  }
}

/** Beside a gateway, the gateway does it. */
async function warn(functions: FunctionsSettings): Promise<void> {
  const { openFunctions } = await import('@sekisho/gateway/internal/node/notices')
  const open = openFunctions(functions)
  if (open !== undefined) engineLogger.warn({}, open)
}

function tell(message: EngineMessage): void {
  if (process.connected) process.send?.(message)
}

/** Started by a supervisor, Ctrl-C in the terminal is the supervisor's to handle; and without it there is nobody to work for. */
function stopBySignal(stop: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false
    const once = (): void => {
      if (stopping) process.exit(1)
      stopping = true
      stop()
        .then(resolve, reject)
        .finally(() => {
          if (process.connected) process.disconnect()
        })
    }
    process.on('SIGTERM', once)
    if (process.send === undefined) process.on('SIGINT', once)
    else {
      process.on('SIGINT', () => undefined)
      const alone = (): void => {
        if (!stopping) once()
      }
      // It may have gone while the platform was starting.
      if (process.connected) process.once('disconnect', alone)
      else alone()
    }
  })
}

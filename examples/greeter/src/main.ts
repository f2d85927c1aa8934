import { createLog } from './log.ts'
import { HELP, readSettings } from './settings.ts'
import { startGreeter } from './start-greeter.ts'

async function main(args: readonly string[]): Promise<void> {
  if (args.length > 0) {
    const asked = args.length === 1 && (args[0] === '--help' || args[0] === '-h')
    process[asked ? 'stdout' : 'stderr'].write(HELP)
    process.exitCode = asked ? 0 : 1
    return
  }
  const { logLevel, ...options } = readSettings(process.env)
  const log = createLog(logLevel, (line) => process.stdout.write(line))
  const running = await startGreeter({ ...options, log })

  let asked = false
  const end = (): void => {
    if (asked) running.abort()
    else void running.stop()
    asked = true
  }
  // SIGTERM is how container platforms ask for the end, SIGINT how a terminal does.
  process.on('SIGTERM', end).on('SIGINT', end)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`greeter: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})

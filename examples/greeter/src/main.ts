import { checkHealth } from './check-health.ts'
import { createLog } from './log.ts'
import { HELP, readSettings } from './settings.ts'
import { startGreeter } from './start-greeter.ts'

async function main(args: readonly string[]): Promise<void> {
  if (args.length > 1 || (args.length === 1 && !['--help', '-h', '--check'].includes(args[0]))) {
    throw new Error(`what is ${args.join(' ')}? Settings come from the environment: see --help`)
  }
  if (args.length === 1 && args[0] !== '--check') {
    process.stdout.write(HELP)
    return
  }
  const { logLevel, ...options } = readSettings(process.env)
  if (args[0] === '--check') {
    const problem = await checkHealth(`${ownAddress(options.host)}:${options.port}`)
    if (problem !== undefined) throw new Error(problem)
    return
  }
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

/** Where a server that listens on every address is asked. */
function ownAddress(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`greeter: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})

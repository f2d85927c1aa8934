import { fail } from './failure.ts'
import { startArguments } from './start-arguments.ts'

/**
 * The command line. `start` is told apart by hand: its process lives as long as the gateway, and commander would be
 * 3.4 MB of it (measured, Node 20).
 */
async function main(args: readonly string[]): Promise<void> {
  const start = startArguments(args)
  if (start !== undefined) return (await import('./commands/start.ts')).start(start.config)
  const { runProgram } = await import('./program.ts')
  return runProgram(args)
}

main(process.argv.slice(2)).catch(fail)

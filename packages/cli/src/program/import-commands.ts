import type { Command } from 'commander'
import type { ApisixOptions, ImportOptions } from '../commands/import.ts'

const OUTPUT = [
  '-o, --output <file>',
  'where to write; left out: standard output. A file that exists is left alone',
] as const

const REPORT = `
Standard error has a line for each field that is not in the result, and for what should be looked at.
Exit status: 0 nothing was lost, 2 something was, 1 nothing could be read and nothing was written.
`

/** `import envoy`, `import apisix`. */
export function importCommands(sekisho: Command): void {
  const command = sekisho
    .command('import')
    .description("another gateway's configuration as one of ours; what has no equal is told")
    .addHelpText(
      'after',
      `
Examples:
  sekisho import envoy envoy.yaml -o sekisho.yaml
  sekisho import apisix apisix.yaml -o sekisho.yaml`,
    )

  command
    .command('envoy')
    .description('a static bootstrap of Envoy (v3), YAML or JSON')
    .argument('<file>', 'the configuration of Envoy')
    .option(...OUTPUT)
    .addHelpText('after', `${REPORT}\nExample:\n  sekisho import envoy envoy.yaml -o sekisho.yaml`)
    .action(async (file: string, options: ImportOptions) => {
      process.exitCode = await (await import('../commands/import.ts')).importFromEnvoy(file, options)
    })

  command
    .command('apisix')
    .description('Apache APISIX: its apisix.yaml, answers of its Admin API, or a gateway that runs')
    .argument('<file or url>', 'apisix.yaml or a file of JSON; http://HOST:9180 of a running Admin API')
    .option(...OUTPUT)
    .option('--admin-key <key>', 'of the running APISIX; better in the variable APISIX_ADMIN_KEY')
    .addHelpText(
      'after',
      `${REPORT}
Examples:
  sekisho import apisix apisix.yaml -o sekisho.yaml
  sekisho import apisix http://127.0.0.1:9180 -o sekisho.yaml`,
    )
    .action(async (from: string, options: ApisixOptions) => {
      process.exitCode = await (await import('../commands/import.ts')).importFromApisix(from, options)
    })
}

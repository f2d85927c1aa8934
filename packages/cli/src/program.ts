import { Command, Option } from 'commander'
import { VERSION } from '@sekisho/gateway/internal/version'
import { importCommands } from './program/import-commands.ts'
import { functionCommands } from './program/function-commands.ts'
import { pluginCommands } from './program/plugin-commands.ts'
import { storeCommands } from './program/store-commands.ts'

const EXAMPLES = `
Examples:
  sekisho dev                        see it work, and edit it live
  sekisho start -c sekisho.yaml      serve that file
  sekisho check -c sekisho.yaml      what is wrong, with line and column
  sekisho explain GET http://shop.example/api/7 -H 'apikey: k1'
                                     which route, plugins and node, and why
  sekisho apply -f sekisho.yaml      the same into the store of a running gateway
  sekisho import envoy envoy.yaml    the same from a configuration of Envoy

Every command tells more: sekisho explain --help`

const CONFIG = [
  '-c, --config <file>',
  'configuration file; left out: sekisho.yaml, .json or .config.ts in this folder',
] as const

/** Everything but `start`'s short way: parses, and runs a command, whose module is loaded for it alone. */
export async function runProgram(args: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `sekisho explain … | head` has seen enough.
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
  await program().parseAsync(args, { from: 'user' })
}

/** The commands as commander knows them. */
export function program(): Command {
  const sekisho = new Command('sekisho')
    .description('A programmable API gateway: routes, plugins and upstreams from one file, changed live.')
    .version(VERSION, '-V, --version')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sekisho: ')) })
    .addHelpText('after', EXAMPLES)

  sekisho
    .command('dev')
    .description('a gateway with demo services, to try and to edit; Ctrl-C ends all of it')
    .option('-c, --config <file>', 'a configuration of your own, instead of the demo one')
    .addHelpText('after', '\nExample:\n  sekisho dev')
    .action(async ({ config }: { config?: string }) => (await import('./commands/dev.ts')).dev(config))

  sekisho
    .command('start')
    .description('the gateway, in the foreground')
    .option(...CONFIG)
    .addHelpText(
      'after',
      `
Signals: SIGTERM and SIGINT finish requests in flight and stop (a second one at once), SIGHUP reads the file again,
SIGUSR1 opens log files anew, SIGUSR2 starts a new gateway process in place, without a gap.
A saved file takes effect by itself; one with mistakes is refused, and the one before stays in force.

Example:
  sekisho start -c sekisho.yaml`,
    )
    .action(async ({ config }: { config?: string }) => (await import('./commands/start.ts')).start(config))

  sekisho
    .command('check')
    .description('whether a configuration is valid: problems with file, line, column, and what would be right')
    .option(...CONFIG)
    .option('--json', 'for programs')
    .option('--schema', 'print the JSON Schema of a configuration instead, for editors')
    .addHelpText(
      'after',
      `
Exit status: 0 valid, 1 not.

Examples:
  sekisho check -c sekisho.yaml
  sekisho check --schema > sekisho.schema.json         # then, as the first line of sekisho.yaml:
                                                       # yaml-language-server: $schema=sekisho.schema.json`,
    )
    .action(async (options: object) => {
      process.exitCode = await (await import('./commands/check.ts')).check(options)
    })

  sekisho
    .command('explain')
    .description('what would become of a request, and why; nothing is sent')
    .argument('<method>', 'GET, POST, …')
    .argument('<url>', 'http://host/path?query, or /path')
    .option(
      '-H, --header <field>',
      "a header, 'Name: value'; may be repeated",
      (field: string, list: string[] | undefined) => [...(list ?? []), field],
    )
    .option(...CONFIG)
    .option('--remote-addr <ip>', 'the address of the client; left out: 127.0.0.1')
    .option('--consumer <name>', 'take the caller for this consumer, whatever the credentials')
    .option('--all', 'all routes that were not taken, not just the nearest')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      `
Plugins are marked: ">" answers the request, "?" goes by more than the request, "-" does not run for it.
Plugins of your own are listed and not run. What counters and health checks say, only the running gateway knows.

Examples:
  sekisho explain GET /hello/world
  sekisho explain POST http://shop.example/orders -H 'apikey: k1' --remote-addr 192.0.2.7`,
    )
    .action(async (method: string, url: string, options: object) =>
      (await import('./commands/explain.ts')).explain(method, url, options),
    )

  storeCommands(sekisho)

  importCommands(sekisho)

  functionCommands(sekisho)

  pluginCommands(sekisho)

  sekisho
    .command('settings', { hidden: true })
    .description('what a supervisor needs to know of a configuration, as JSON')
    .option(...CONFIG)
    .addOption(new Option('--json').hideHelp())
    .addOption(new Option('--functions').hideHelp())
    .action(async ({ config, functions }: { config?: string; functions?: boolean }) =>
      (await import('./commands/settings.ts')).printSettings(config, functions === true),
    )

  return sekisho
}

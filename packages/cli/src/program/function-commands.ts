import { type Command, InvalidArgumentError, Option } from 'commander'
import type { DeleteOptions } from '../functions/commands/delete.ts'
import type { DoctorOptions } from '../functions/commands/doctor.ts'
import type { InvokeOptions } from '../functions/commands/invoke.ts'
import type { ListOptions } from '../functions/commands/list.ts'
import type { LogsOptions } from '../functions/commands/logs.ts'
import type { DeployOptions } from '../functions/deploy/options.ts'
import type { NewOptions } from '../functions/new/new-function.ts'
import { TEMPLATE_LANGUAGES, TEMPLATES } from '../functions/new/templates.ts'

const CONFIG = '-c, --config <file>'

const wholeNumber = (text: string): number => {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

const collect = (text: string, list: readonly string[] | undefined): readonly string[] => [...(list ?? []), text]

/** Where the engine is. Keys are never arguments, which everybody on a machine can see. */
function withEndpoint(command: Command): Command {
  return command
    .option('--endpoint-url <url>', 'of the engine; else AWS_ENDPOINT_URL_LAMBDA; else http://127.0.0.1:9190')
    .option('--region <name>', 'else AWS_REGION; else us-east-1')
}

const EXAMPLES = `
Requests are signed when AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set.

Examples:
  sekisho fn new hello --language rust
  sekisho fn deploy hello
  sekisho fn invoke hello -d '{"foo":"bar"}'
  sekisho fn logs hello -f`

/** `sekisho fn …`: functions. */
export function functionCommands(sekisho: Command): void {
  const fn = sekisho
    .command('fn')
    .description('functions: make, deploy and invoke them, watch their logs')
    .addHelpText('after', EXAMPLES)
  makeAndDeploy(fn)
  use(fn)
  manage(fn)
}

function makeAndDeploy(fn: Command): void {
  fn.command('new')
    .description('a folder with a function in it, ready to be deployed')
    .argument('<name>', 'of the function; or a path whose last part is the name')
    .addOption(new Option('-t, --template <name>', 'what it does').choices(TEMPLATES).default('echo'))
    .addOption(new Option('-l, --language <name>', 'written in').choices(TEMPLATE_LANGUAGES).default('ts'))
    .addHelpText(
      'after',
      `
echo answers what it gets, http answers a request, websocket the messages of a connection; stream takes batches of
records from a queue or a stream, schedule is called at times.

Examples:
  sekisho fn new hello
  sekisho fn new orders --template http --language go`,
    )
    .action(async (name: string, options: NewOptions) =>
      (await import('../functions/new/new-function.ts')).newFunction(name, options),
    )

  withEndpoint(fn.command('deploy'))
    .description('builds, packs and uploads the function in a folder; creates or updates it')
    .argument('[dir]', 'its folder', '.')
    .option('--name <name>', 'else that of function.yaml, of the package, or of the folder')
    .option('--runtime <name>', 'nodejs24.x, python3.13, provided.al2023; else by what is in the folder')
    .option('--handler <name>', 'FILE.FUNCTION; else index.handler')
    .option('--memory <mb>', '128 to 10240', wholeNumber)
    .option('--timeout <seconds>', '1 to 900', wholeNumber)
    .option('--env <name=value>', 'a variable; NAME alone takes it from here; may be repeated', collect)
    .addOption(new Option('--network <what>', 'what it reaches').choices(['none', 'egress', 'host']))
    .option('--role <arn>', 'of its role')
    .option('--url', 'with a URL of its own, which everybody may call')
    .option('--alias <name>', 'publish a version, and lead this alias to it')
    .option('--watch', 'deploy again whenever a file is saved')
    .addHelpText(
      'after',
      `
TypeScript and JavaScript are bundled, Cargo.toml and go.mod built, and a folder with a bootstrap or a handler.py is
packed as it is. function.yaml in the folder has the same settings and more; what is typed counts more. Settings that
nobody gives stay as they are.

Examples:
  sekisho fn deploy hello
  sekisho fn deploy . --memory 512 --env LEVEL=debug --url
  sekisho fn deploy . --watch`,
    )
    .action(async (folder: string, options: DeployOptions) =>
      (await import('../functions/deploy/deploy.ts')).deploy(folder, options),
    )
}

function use(fn: Command): void {
  withEndpoint(fn.command('invoke'))
    .description('calls a function; its answer alone is on standard output')
    .argument('<name>', 'of the function, NAME:ALIAS, or an ARN')
    .option('-d, --data <json>', 'the event; left out: {}')
    .option('-f, --file <file>', 'the event from a file; - is standard input')
    .option('--qualifier <name>', 'a version or an alias')
    .option('--async', 'queue the event, and wait for no answer')
    .option('--tail', 'show the end of its log, on standard error')
    .option('--stream', 'show the answer as it is made')
    .addHelpText(
      'after',
      `
Exit status: 0 the function answered, 1 it failed, or could not be called; why stands on standard error.

Examples:
  sekisho fn invoke hello -d '{"foo":"bar"}'
  sekisho fn invoke hello -f event.json --tail`,
    )
    .action(async (name: string, options: InvokeOptions) => {
      process.exitCode = await (await import('../functions/commands/invoke.ts')).invoke(name, options)
    })

  withEndpoint(fn.command('logs'))
    .description('what a function wrote, and what each invocation took')
    .argument('<name>', 'of the function')
    .option('-f, --follow', 'go on with what is written from now on')
    .option('--since <time>', '90s, 10m, 2h or 1d ago, or 2026-11-21T18:00:00Z')
    .option('--timestamps', 'the time before each line')
    .option('--json', 'for programs: an object a line')
    .addHelpText('after', '\nExample:\n  sekisho fn logs hello -f --since 10m')
    .action(async (name: string, options: LogsOptions) =>
      (await import('../functions/commands/logs.ts')).logs(name, options),
    )
}

function manage(fn: Command): void {
  withEndpoint(fn.command('list'))
    .description('the functions, what they have done, and what it would have cost')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  sekisho fn list')
    .action(async (options: ListOptions) => (await import('../functions/commands/list.ts')).list(options))

  withEndpoint(fn.command('delete'))
    .description('deletes a function with all its versions')
    .argument('<name>', 'of the function')
    .option('--qualifier <version>', 'that version alone')
    .addHelpText('after', '\nExample:\n  sekisho fn delete hello')
    .action(async (name: string, options: DeleteOptions) =>
      (await import('../functions/commands/delete.ts')).deleteFunction(name, options),
    )

  withEndpoint(fn.command('doctor'))
    .description('what this host supports, and how to get the rest')
    .option(CONFIG, 'whose "functions.driver" must work; left out: the one in this folder, or the driver sandbox')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 functions can run here, 1 they cannot.\n\nExample:\n  sekisho fn doctor')
    .action(async (options: DoctorOptions) => {
      process.exitCode = await (await import('../functions/commands/doctor.ts')).doctor(options)
    })

  fn.command('engine')
    .description('the function engine alone, in the foreground; `sekisho start` runs it beside the gateway')
    .option(CONFIG, 'configuration file with "functions"; left out: sekisho.yaml, .json or .config.ts in this folder')
    .addHelpText('after', '\nExample:\n  sekisho fn engine -c sekisho.yaml')
    .action(async ({ config }: { config?: string }) =>
      (await import('../functions/engine/run-engine.ts')).runEngine(config),
    )
}

import type { Command } from 'commander'

/** `sekisho fn …`: functions. */
export function functionCommands(sekisho: Command): void {
  const fn = sekisho.command('fn').description('functions: deploy, invoke, watch their logs')

  fn.command('engine')
    .description('the function engine alone, in the foreground; `sekisho start` runs it beside the gateway')
    .option(
      '-c, --config <file>',
      'configuration file with "functions"; left out: sekisho.yaml, .json or .config.ts in this folder',
    )
    .addHelpText('after', '\nExample:\n  sekisho fn engine -c sekisho.yaml')
    .action(async ({ config }: { config?: string }) =>
      (await import('../functions/engine/run-engine.ts')).runEngine(config),
    )
}

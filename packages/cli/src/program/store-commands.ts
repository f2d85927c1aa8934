import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ApplyOptions } from '../commands/apply.ts'
import type { BackupOptions } from '../commands/backup.ts'
import type { DiffOptions } from '../commands/diff.ts'
import type { ExportOptions } from '../commands/export.ts'
import type { HistoryOptions } from '../commands/history.ts'
import type { RollbackOptions } from '../commands/rollback.ts'

const EXIT = `
Exit status: 0 it is so now, or was already; 1 nothing was changed.`

/** Where the Admin API is, and who asks. */
function withAdmin(command: Command): Command {
  return command
    .addOption(new Option('--admin <url>', 'the Admin API; left out: http://127.0.0.1:9180').env('SEKISHO_ADMIN'))
    .option('--key <key>', 'an admin key; better in the variable SEKISHO_ADMIN_KEY, where nobody sees it')
}

const wholeNumber = (text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

/** The commands that work with what a store holds, nearly all against the Admin API. */
export function storeCommands(sekisho: Command): void {
  sekisho
    .command('backup')
    .description('a copy of an embedded store with its history, also while a gateway uses it')
    .argument('<file>', 'a new file; nothing is replaced')
    .option('-c, --config <file>', 'the configuration that names the store; left out: the one in this folder')
    .option('--path <folder>', 'the folder of the store, instead of a configuration')
    .addHelpText(
      'after',
      `
To restore it: stop the gateway, copy it over store.mdb in the folder of the store, start.

Examples:
  sekisho backup /var/backups/sekisho-$(date +%F).mdb -c sekisho.yaml
  sekisho backup copy.mdb --path ./data`,
    )
    .action(async (file: string, options: BackupOptions) =>
      (await import('../commands/backup.ts')).backup(file, options),
    )

  withAdmin(sekisho.command('apply'))
    .description('makes a store what a file says: shows what would change, asks, changes all or nothing')
    .requiredOption('-f, --file <file>', 'YAML, JSON or TypeScript as for "start"; - is YAML on standard input')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'only show what would change')
    .option('--keep', 'leave resources that are not in the file')
    .option('--comment <text>', 'why, for the history')
    .addHelpText(
      'after',
      `
What is not in the file is deleted. Settings of a node in the file are not sent.
${EXIT.trimStart()}

Examples:
  sekisho apply -f routes.yaml
  sekisho apply -f routes.yaml --yes --comment "release 42"`,
    )
    .action(async (options: ApplyOptions) => {
      process.exitCode = await (await import('../commands/apply.ts')).apply(options)
    })

  withAdmin(sekisho.command('diff'))
    .description('what "apply" would change; nothing is changed')
    .requiredOption('-f, --file <file>', 'as for "apply"')
    .option('--keep', 'as for "apply"')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      `
Exit status: 0 no differences, 2 differences, 1 they could not be told.

Example:
  sekisho diff -f routes.yaml`,
    )
    .action(async (options: DiffOptions) => {
      process.exitCode = await (await import('../commands/diff.ts')).diff(options)
    })

  withAdmin(sekisho.command('export'))
    .description('all that a store holds, as a configuration file')
    .option('-o, --output <file>', 'where to write; left out: standard output. A file that exists is left alone')
    .option('--revision <number>', 'as it was at that revision', wholeNumber)
    .addHelpText('after', '\nExample:\n  sekisho export -o backup.yaml')
    .action(async (options: ExportOptions) => (await import('../commands/export.ts')).exportDocuments(options))

  withAdmin(sekisho.command('history'))
    .description('who changed what and when, newest first; with a revision, all that it changed')
    .argument('[revision]', 'one change, with its differences', wholeNumber)
    .option('--limit <number>', 'entries', wholeNumber, 20)
    .option('--before <revision>', 'older ones than this', wholeNumber)
    .option('--json', 'for programs')
    .addHelpText('after', '\nExamples:\n  sekisho history\n  sekisho history 42')
    .action(async (revision: number | undefined, options: HistoryOptions) =>
      (await import('../commands/history.ts')).history(revision, options),
    )

  withAdmin(sekisho.command('rollback'))
    .description('makes all, or one resource, what it was at a revision, by a new change')
    .argument('<revision>', 'see "sekisho history"', wholeNumber)
    .option('--only <resource>', 'one resource, as routes/1')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'only show what would change')
    .option('--comment <text>', 'why, for the history')
    .addHelpText(
      'after',
      `
${EXIT.trimStart()}

Examples:
  sekisho rollback 41
  sekisho rollback 41 --only routes/orders`,
    )
    .action(async (revision: number, options: RollbackOptions) => {
      process.exitCode = await (await import('../commands/rollback.ts')).rollback(revision, options)
    })
}

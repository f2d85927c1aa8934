/**
 * The arguments of `sekisho start`, when they are nothing but that: `start`, `start -c FILE`, `start -cFILE`,
 * `start --config FILE`, `start --config=FILE`. Undefined for everything else, `start --help` and mistakes included,
 * which is for commander.
 */
export function startArguments(args: readonly string[]): { readonly config: string | undefined } | undefined {
  const [command, option, value, ...more] = args
  if (command !== 'start' || more.length > 0) return undefined
  if (option === undefined) return { config: undefined }
  if (option === '-c' || option === '--config') return value === undefined ? undefined : { config: value }
  if (value !== undefined) return undefined
  const joined = /^(?:--config=|-c)([^]+)$/.exec(option)?.[1]
  return joined === undefined ? undefined : { config: joined }
}

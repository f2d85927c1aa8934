/**
 * A pattern of paths in a folder: `*` is any part of a name, `**` any folders, and a pattern without `/` means a name anywhere. A folder that
 * matches stands for all that is in it.
 */
export function globs(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map(expression)
  return (path) => expressions.some((one) => one.test(path))
}

function expression(pattern: string): RegExp {
  const trimmed = pattern.replace(/^\.?\//, '').replace(/\/$/, '')
  const anywhere = trimmed.includes('/') ? '' : '(?:.*/)?'
  const body = trimmed
    .split(/(\*\*\/|\*\*|\*)/)
    .map((part) => MEANING[part] ?? part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('')
  return new RegExp(`^${anywhere}${body}(?:/.*)?$`)
}

const MEANING: Readonly<Record<string, string>> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*' }

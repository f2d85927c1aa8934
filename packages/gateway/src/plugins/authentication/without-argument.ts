/**
 * The target without every query argument of that name, however its name is escaped; the others stay byte for byte.
 * `/a?x=1&key=2` without `key` is `/a?x=1`; a `?` with nothing behind it goes too.
 */
export function withoutArgument(target: string, name: string): string {
  const mark = target.indexOf('?')
  if (mark < 0) return target
  const pairs = target.slice(mark + 1).split('&')
  const kept = pairs.filter((pair) => nameOf(pair) !== name)
  if (kept.length === pairs.length) return target
  const path = target.slice(0, mark)
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`
}

/** As `queryArgument` reads it: what that finds, this removes. */
function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  const name = equals < 0 ? pair : pair.slice(0, equals)
  if (!name.includes('%') && !name.includes('+')) return name
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}

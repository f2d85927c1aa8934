// Nothing that is named by a path has such a character: it is a mistake, or meant to end a line somewhere.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\0-\x1f\x7f]/

/** A segment of a path as it is meant; undefined where a percent sign encodes nothing, or a control character. */
export function decodeLabel(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    const decoded = decodeURIComponent(text)
    return CONTROL.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

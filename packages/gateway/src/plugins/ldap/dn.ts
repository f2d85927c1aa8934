const SPECIAL = /["+,;<=>\\]/g

/**
 * A text as a value within a distinguished name (RFC 4514 section 2.4): whatever stands in it, it stays one value of one attribute. `=` is
 * escaped as well, which the RFC leaves open.
 */
export function escapeDnValue(text: string): string {
  let escaped = text.replace(SPECIAL, '\\$&').replaceAll('\0', '\\00')
  if (/^[ #]/.test(escaped)) escaped = `\\${escaped}`
  // A blank at the end would be taken for a blank behind the value. One that is also the first has been escaped above.
  if (escaped.endsWith(' ') && escaped !== '\\ ') escaped = `${escaped.slice(0, -1)}\\ `
  return escaped
}

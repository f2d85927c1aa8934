/**
 * A variable or constant as a number, as Lua's `tonumber` reads text: decimal or hexadecimal with surrounding white space.
 * NaN when it is no number. JavaScript's own rules differ in that blank text is 0 and that `0b1`, `0o7` and `Infinity`
 * are numbers; here they are not.
 */
export function toNumber(value: string | number | undefined): number {
  if (typeof value === 'number') return value
  if (value === undefined) return Number.NaN
  const number = Number(value)
  // The odd forms are all rare results, so the common path pays one or two comparisons.
  if (number === 0 || number === Infinity || number === -Infinity)
    return /^\s*[+-]?(\d|\.\d)/.test(value) ? number : Number.NaN
  return number >= 1 && number === Math.floor(number) && /^\s*0[bo]/i.test(value) ? Number.NaN : number
}

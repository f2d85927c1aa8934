const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const TIME = '(\\d{1,2}):(\\d{2}):(\\d{2})'
/**
 * `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994` (RFC 9110 section 5.6.7). Of the first one blanks, the comma and
 * leading zeros do not matter: servers write it by hand, and it can mean nothing else.
 */
const IMF_FIXDATE = new RegExp(`^[a-z]{3},? +(\\d{1,2}) +([a-z]{3}) +(\\d{4}) +${TIME} +GMT$`, 'i')
const RFC850 = new RegExp(`^[a-z]{6,9}, (\\d{2})-([a-z]{3})-(\\d{2}) ${TIME} GMT$`, 'i')
const ASCTIME = new RegExp(`^[a-z]{3} ([a-z]{3}) ([ \\d]\\d) ${TIME} (\\d{4})$`, 'i')

/** Milliseconds since 1970; undefined for what is no date of HTTP. */
export function parseHttpDate(text: string | undefined, now: number = Date.now()): number | undefined {
  if (text === undefined) return undefined
  let match = IMF_FIXDATE.exec(text)
  if (match !== null) return time(Number(match[3]), match[2], match[1], match, 4)
  match = RFC850.exec(text)
  if (match !== null) return time(fullYear(Number(match[3]), now), match[2], match[1], match, 4)
  match = ASCTIME.exec(text)
  return match === null ? undefined : time(Number(match[6]), match[1], match[2], match, 3)
}

/** A year of two digits that would be more than 50 years ahead is one of the past. */
function fullYear(year: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear()
  const full = thisYear - (thisYear % 100) + year
  return full > thisYear + 50 ? full - 100 : full
}

function time(year: number, monthName: string, day: string, match: RegExpExecArray, at: number): number | undefined {
  const month = MONTHS.indexOf(monthName.toLowerCase())
  const [hours, minutes, seconds] = [Number(match[at]), Number(match[at + 1]), Number(match[at + 2])]
  if (month < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined
  const ms = Date.UTC(year, month, Number(day), hours, minutes, seconds)
  return new Date(ms).getUTCDate() === Number(day) || seconds === 60 ? ms : undefined
}

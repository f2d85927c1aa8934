/** RFC 9110 section 10.2.3: seconds, or a date. */
const SECONDS = /^\d{1,10}$/
/** IMF-fixdate alone (section 5.6.7): what else `Date.parse` understands is no HTTP. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * How long a `Retry-After` asks to wait, in ms; a date that has passed is 0.
 *
 * @param now Unix time in ms
 * @returns undefined for what is neither seconds nor a date
 */
export function parseRetryAfter(text: string, now: number): number | undefined {
  if (SECONDS.test(text)) return Number(text) * 1_000
  if (!HTTP_DATE.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

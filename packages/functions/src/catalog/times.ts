/** Times as AWS writes them, which differs from operation to operation. */

/** `2026-11-20T15:10:00.000+0000` */
export const lambdaTime = (at: number): string => new Date(at).toISOString().replace('Z', '+0000')

/** `2026-11-20T15:10:00+0000` */
export const lambdaTimeInSeconds = (at: number): string => new Date(at).toISOString().replace(/\.\d{3}Z/, '+0000')

/** `2026-11-20T15:10:00.000000Z` */
export const urlTime = (at: number): string => new Date(at).toISOString().replace('Z', '000Z')

/** Seconds since 1970, with milliseconds. */
export const epochTime = (at: number): number => at / 1_000

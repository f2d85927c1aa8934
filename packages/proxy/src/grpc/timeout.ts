/**
 * The `grpc-timeout` field (gRPC over HTTP/2, "Requests"): at most eight digits and a unit.
 *
 *     TimeoutValue TimeoutUnit: 100m, 5S, 2H
 */
const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/

/** Milliseconds of a unit. */
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

const MAX_VALUE = 99_999_999

/** Milliseconds; undefined: it is malformed. */
export function parseGrpcTimeout(text: string): number | undefined {
  const match = TIMEOUT.exec(text)
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2] as string] as number)
}

/** The finest of the units that have room for so many milliseconds; never 0, which would be over before it began. */
export function formatGrpcTimeout(ms: number): string {
  if (ms < MAX_VALUE / 1_000) return `${Math.max(1, Math.ceil(ms * 1_000))}u`
  if (ms < MAX_VALUE) return `${Math.ceil(ms)}m`
  return `${Math.min(MAX_VALUE, Math.ceil(ms / 1_000))}S`
}

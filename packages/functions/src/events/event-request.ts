/** A request as a route of the gateway or a function URL has it: what all event formats are made from. */
export interface EventRequest {
  readonly method: string
  /** As it is on the wire: percent-encoded, without the query. */
  readonly path: string
  /** As it is on the wire, without `?`. */
  readonly query: string
  /** Name (in any case) and value of each field, in order; wire's `Headers` are such. */
  readonly headers: Iterable<readonly [string, string]>
  readonly body: Buffer
  /** The client's address. */
  readonly sourceIp: string
  /** `HTTP/1.1` */
  readonly protocol: string
  /** Without a port. */
  readonly domainName: string
}

/** `21/Nov/2026:18:00:00 +0000`: the time as the Common Log Format writes it. */
export function logTime(timeMs: number): string {
  const [, day, month, year, time] = new Date(timeMs).toUTCString().split(' ')
  return `${day}/${month}/${year}:${time} +0000`
}

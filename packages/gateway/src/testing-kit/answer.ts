/** What came back to the client. */
export interface Answer {
  readonly status: number
  /** Names in lower case; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** As they were sent. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[]
  /** As UTF-8. */
  readonly body: string
  readonly bytes: Buffer
  json(): unknown
}

export function answerOf(status: number, rawHeaders: Answer['rawHeaders'], bytes: Buffer): Answer {
  const body = bytes.toString('utf8')
  return { status, headers: joined(rawHeaders), rawHeaders, body, bytes, json: () => JSON.parse(body) as unknown }
}

/** By lower-case name. */
export function joined(fields: Iterable<readonly [string, string]>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
  }
  return headers
}

/** Node's flat list of names and values, in pairs. */
export const pairsOf = (raw: readonly string[]): (readonly [string, string])[] =>
  raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]!] as const] : []))

/** What a caller says of its signature, in the field Authorization. */
export interface SignatureParams {
  readonly keyId: string
  readonly algorithm: string
  /** Names as they were written, in their order: they are signed so. */
  readonly headers: readonly string[]
  /** In base64. */
  readonly signature: string
}

/** More names than a request may have fields would be work for nothing. */
const MAX_NAMES = 100
const PARAMETER = /\s*([A-Za-z]+)="([^"]*)"\s*(,|$)/y

/**
 * Reads `Signature keyId="…",algorithm="…",headers="…",signature="…"`; undefined: it is something else. A parameter that is there twice makes
 * it something else: two readers could take different ones.
 */
export function readSignature(field: string): SignatureParams | undefined {
  if (!/^signature /i.test(field)) return undefined
  const found = new Map<string, string>()
  PARAMETER.lastIndex = 10
  while (PARAMETER.lastIndex < field.length) {
    const match = PARAMETER.exec(field)
    if (match === null || found.has(match[1]!)) return undefined
    found.set(match[1]!, match[2]!)
  }
  const [keyId, algorithm, signature] = [found.get('keyId'), found.get('algorithm'), found.get('signature')]
  if (!keyId || !algorithm || !signature) return undefined
  const headers = (found.get('headers') ?? '').split(' ').filter((name) => name !== '')
  return headers.length > MAX_NAMES ? undefined : { keyId, algorithm, headers, signature }
}

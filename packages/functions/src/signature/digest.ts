import { createHash, createHmac } from 'node:crypto'
import { ALGORITHM, scopeText, type CredentialScope } from './credentials.ts'

export const sha256Hex = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex')

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** Whoever verifies sees the keys of a few clients, each for a day. */
const MAX_KEYS = 64
const keys = new Map<string, Buffer>()

/** Four HMACs, which are the same for a day: kept. */
export function signingKey(secretAccessKey: string, scope: CredentialScope): Buffer {
  const name = `${scopeText(scope)}\n${secretAccessKey}`
  let key = keys.get(name)
  if (key !== undefined) return key
  key = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, scope.date), scope.region), scope.service), 'aws4_request')
  if (keys.size >= MAX_KEYS) keys.clear()
  keys.set(name, key)
  return key
}

/** The signature, in hexadecimal, of a canonical request. `date`: as `amzDate` writes it. */
export function signatureOf(secretAccessKey: string, date: string, scope: CredentialScope, canonical: string): string {
  const text = `${ALGORITHM}\n${date}\n${scopeText(scope)}\n${sha256Hex(canonical)}`
  return hmac(signingKey(secretAccessKey, scope), text).toString('hex')
}

/** Signs any text with the key of a scope: the chunks of a payload. */
export const signText = (secretAccessKey: string, scope: CredentialScope, text: string): string =>
  hmac(signingKey(secretAccessKey, scope), text).toString('hex')

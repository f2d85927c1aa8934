import { randomBytes, randomUUID } from 'node:crypto'

export const newRequestId = (): string => randomUUID()

/** As API Gateway's second id of a request looks: 11 characters of base64 and `=`. */
export const newExtendedRequestId = (): string => `${randomBytes(8).toString('base64url').slice(0, 11)}=`

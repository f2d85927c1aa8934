import type { HttpRequest } from '../http/http-exchange.ts'
import { ServiceError } from '../model/service-error.ts'
import { SignatureProblem, verifyRequest, type Credentials } from '../signature/index.ts'

/** The credentials of an access key id; undefined: nobody's. */
export type AccessKeys = (accessKeyId: string) => Credentials | undefined

/** Whose requests are served on this port. */
const SERVICES = ['lambda', 'iam', 'sts', 'logs', 'scheduler']

/** Throws what AWS answers to a signature that is missing, wrong or too old. */
export function checkSignature(
  { method, path, query, headers, body }: HttpRequest,
  credentials: AccessKeys,
  region: string,
): void {
  const verified = verifyRequest({ method, path, query, headers, body }, { credentials, services: SERVICES })
  if (verified instanceof SignatureProblem) throw new ServiceError(verified.code, verified.status, verified.message)
  // IAM is signed for us-east-1 wherever one is.
  if (verified.region !== region && verified.service !== 'iam' && verified.service !== 'sts') {
    const message = `Credential should be scoped to a valid region, not '${verified.region}'. `
    throw new ServiceError('InvalidSignatureException', 403, message)
  }
}

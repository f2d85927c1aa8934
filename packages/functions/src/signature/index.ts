/**
 * AWS Signature Version 4: signs requests to services (Lambda, S3), signs links, verifies what clients signed. Synchronous, on node:crypto.
 */
export type { Credentials, CredentialScope } from './credentials.ts'
export { presignUrl, signRequest, UNSIGNED_PAYLOAD, type RequestToSign, type SignedRequest } from './sign-request.ts'
export { ChunkSigner, STREAMING_PAYLOAD } from './chunk-signer.ts'
export {
  SignatureProblem,
  verifyRequest,
  type RequestToVerify,
  type VerifiedSignature,
  type VerifyOptions,
} from './verify-request.ts'

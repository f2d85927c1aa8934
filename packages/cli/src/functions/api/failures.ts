import { printable } from '../../explanation/text.ts'
import { Failure } from '../../failure.ts'

/** An answer of the control API with a status of 400 or more. */
export class ServiceFailure extends Failure {
  readonly status: number
  /** `ResourceNotFoundException` */
  readonly type: string

  constructor(message: string, status: number, type: string) {
    super(message)
    this.status = status
    this.type = type
  }
}

/** How a request fails that gets no answer, in words that say what to do. */
export function unreachable(address: string, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ECONNREFUSED':
      return new Failure(
        `no function engine listens at ${address}: start one by "sekisho dev", or by "sekisho start" with "functions: {}" in sekisho.yaml, or name another by --endpoint-url`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Failure(`the name in ${address} cannot be resolved (${code}); check --endpoint-url`)
    case 'ECONNRESET':
    case 'EPIPE':
      return new Failure(
        `${address} closed the connection without an answer; did the engine end, or is it plain HTTP behind "https:", or the other way round?`,
      )
    case 'EPROTO':
    case 'HPE_INVALID_CONSTANT':
      return new Failure(
        `${address} does not speak this protocol: "http:" and "https:" may be mixed up, or it is no function engine`,
      )
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return new Failure(
        `the certificate of ${address} is signed by nobody that Node.js knows; put the authority into a file and name it by NODE_EXTRA_CA_CERTS`,
      )
  }
  return new Failure(`${address} cannot be reached: ${message || String(error)}`)
}

/** Refusals about who asks, by their AWS names. */
const SIGNATURES = new Set([
  'MissingAuthenticationTokenException',
  'InvalidSignatureException',
  'IncompleteSignatureException',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
])

/**
 * An answer that refuses.
 * @param type of `x-amzn-ErrorType`; undefined: the server is no function engine
 */
export function refusal(
  address: string,
  status: number,
  type: string | undefined,
  message: string,
  signed: boolean,
): ServiceFailure {
  const name = type?.split(':', 1)[0] ?? ''
  if (name === '') {
    const text = `${address} answers with ${status}, and not as a function engine does; is it the address of "functions" in the configuration?`
    return new ServiceFailure(text, status, name)
  }
  const said = `${printable(message) || name} (${name})`
  if (SIGNATURES.has(name)) {
    const advice = signed
      ? 'the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be one of "functions.keys" in its configuration'
      : 'put a key of "functions.keys" into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
    return new ServiceFailure(`${address} refuses: ${said}; ${advice}`, status, name)
  }
  return new ServiceFailure(said, status, name)
}

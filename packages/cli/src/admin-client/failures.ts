import { printable } from '../explanation/text.ts'
import { Failure } from '../failure.ts'

/** How `fetch` fails, in words that say what to do. */
export function unreachable(address: string, error: unknown): Failure {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const { code, message } = cause as NodeJS.ErrnoException
  switch (code) {
    case 'ECONNREFUSED':
      return new Failure(
        `nothing listens at ${address}: start a gateway whose configuration has "admin" and a "store", or name another address by --admin`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Failure(`the name in ${address} cannot be resolved (${code}); check --admin`)
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return new Failure(
        `${address} closed the connection without an answer; is it plain HTTP behind "https:", or the other way round?`,
      )
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return new Failure(
        `the certificate of ${address} is signed by nobody that Node.js knows; put the authority into a file and name it by NODE_EXTRA_CA_CERTS`,
      )
  }
  if ((error as Error).name === 'TimeoutError')
    return new Failure(`${address} did not answer in time; whether anything changed, "sekisho history" tells`)
  return new Failure(`${address} cannot be reached: ${message || String(error)}`)
}

/** What an answer says that is none of those asked for. */
export interface ErrorBody {
  readonly error_msg?: string
  readonly description?: string
  readonly message?: string
}

/** An answer with a status of 400 or more, in words. */
export function refusal(address: string, status: number, body: ErrorBody | undefined, withKey: boolean): Failure {
  const said = body?.error_msg ?? body?.message
  if (status === 401) {
    if (!withKey)
      return new Failure(
        `${address} asks for a key: give it by --key, or better in the variable SEKISHO_ADMIN_KEY. One that the gateway made itself is in "admin-key" of its data folder`,
      )
    if (body?.description?.includes('role') === true)
      return new Failure(`the key may only read: this needs one with the role "admin" (${address})`)
    return new Failure(
      `${address} does not know this key; it is one of "admin.keys" in the configuration of the gateway`,
    )
  }
  if (said !== undefined) return new Failure(`${address} refuses: ${printable(said)}`)
  return new Failure(
    `${address} answers with ${status}, and not as an Admin API does; is --admin the address of "admin" in the configuration?`,
  )
}

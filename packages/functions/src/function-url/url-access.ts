import type { FunctionCatalog, FunctionUrl } from '../catalog/function-catalog.ts'
import { checkSignature, type AccessKeys } from '../control-api/signature-check.ts'
import type { HttpRequest } from '../http/http-exchange.ts'
import { ServiceError } from '../model/service-error.ts'

export const forbidden = (): ServiceError =>
  new ServiceError(
    'AccessDeniedException',
    403,
    'Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html',
  )

/**
 * Lets a request through, or throws. AuthType NONE needs a permission of the function for everyone; AWS_IAM a signature of the account, which is
 * verified where the API has keys and must at least be there where it has none.
 * @returns the caller's access key id
 */
export function checkUrlAccess(
  url: FunctionUrl,
  request: HttpRequest,
  catalog: FunctionCatalog,
  accessKeys: AccessKeys | undefined,
  region: string,
): string | undefined {
  if (url.authType === 'NONE') {
    const check = { principal: '*', sourceArn: undefined, functionUrlAuthType: 'NONE' } as const
    if (!catalog.allows(url.functionName, url.qualifier, check)) throw forbidden()
    return undefined
  }
  const accessKey = claimedKey(request)
  if (accessKey === undefined) throw forbidden()
  if (accessKeys !== undefined) checkSignature(request, accessKeys, region)
  return accessKey
}

/** Who a request says it was signed by. */
function claimedKey({ headers, query }: HttpRequest): string | undefined {
  const [, key] = /^AWS4-HMAC-SHA256 +Credential=([^/,]+)\//.exec(headers.get('authorization') ?? '') ?? []
  return key ?? new URLSearchParams(query).get('X-Amz-Credential')?.split('/', 1)[0]
}

import { OpenIdProvider } from '../../../packages/gateway/src/plugins/oidc/testing/openid-provider.ts'
import type { Service } from './service.ts'

/** An OpenID provider with the client `gateway`. `/token-for-tests` answers an access token with the scope `orders`. */
export async function start(): Promise<Service> {
  const provider = await OpenIdProvider.start({ redirectUris: ['http://127.0.0.1:8080/signed-in'] })
  const token = await provider.sign({ scope: 'orders' })
  provider.intercept = ({ url }, response) => {
    if (url !== '/token-for-tests') return false
    response.writeHead(200, { 'content-type': 'text/plain' }).end(token)
    return true
  }
  return { port: Number(new URL(provider.url).port), close: () => provider.close() }
}

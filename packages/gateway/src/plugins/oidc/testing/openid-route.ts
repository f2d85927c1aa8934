import { CLIENT_SECRET, type OpenIdProvider } from './openid-provider.ts'

/** A configuration in which all requests are those of people and programs that the provider knows. */
export const openIdRoute = ({ discovery }: OpenIdProvider, config: object, id = 'one') => ({
  routes: [
    {
      id,
      uri: '/*',
      upstream_id: 'echo',
      plugins: { 'openid-connect': { discovery, client_id: 'gateway', client_secret: CLIENT_SECRET, ...config } },
    },
  ],
})

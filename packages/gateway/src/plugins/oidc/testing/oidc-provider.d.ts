/** As much of the package as the tests use; it brings no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  interface Account {
    readonly accountId: string
    claims(): object
  }

  export interface Configuration {
    readonly clients: readonly object[]
    readonly jwks: { readonly keys: readonly object[] }
    readonly features?: Readonly<Record<string, object>>
    readonly findAccount: (context: object, id: string) => Account
    readonly interactions: { readonly url: (context: object, interaction: { readonly uid: string }) => string }
    readonly issueRefreshToken: (
      context: object,
      client: { grantTypeAllowed(type: string): boolean },
      code: { readonly scopes: ReadonlySet<string> },
    ) => boolean
    readonly [option: string]: unknown
  }

  interface Grant {
    addOIDCScope(scope: string): void
    save(): Promise<string>
  }

  interface Interaction {
    readonly prompt: { readonly name: string }
    readonly params: Readonly<Record<string, unknown>>
    readonly session?: { readonly accountId?: string }
    readonly grantId?: string
  }

  export class Provider {
    readonly Grant: { new (fields: object): Grant; find(id: string): Promise<Grant | undefined> }
    constructor(issuer: string, configuration: Configuration)
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options?: object,
    ): Promise<void>
  }
}

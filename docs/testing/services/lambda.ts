import { FakeLambda } from '../../../packages/gateway/src/functions/testing/fake-lambda.ts'
import type { Service } from './service.ts'

/** The Lambda API with two functions: `hello` greets, `who-is-it` is an authorizer that knows the token `s3cret`. */
export async function start(): Promise<Service> {
  const lambda = await FakeLambda.start({
    hello: (event: { rawPath?: string; path?: string }) => ({
      statusCode: 200,
      headers: { 'content-type': 'text/plain' },
      body: `hello from ${event.rawPath ?? event.path}`,
    }),
    'who-is-it': (event: { headers: Record<string, string> }) => ({
      isAuthorized: event.headers['authorization'] === 's3cret',
      context: { userId: '7' },
    }),
  })
  return { port: lambda.port, close: () => lambda.close() }
}

// What "curl …/fn/hello" and "sekisho fn invoke hello" reach. Change it, and deploy it: sekisho fn deploy THIS_FOLDER
export async function handler(event) {
  // A route of the gateway sends an event of an HTTP API; anything else comes from a command.
  if (event.requestContext?.http === undefined) return event
  const { method, path } = event.requestContext.http
  console.log('answering', method, path)
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: `${JSON.stringify({ message: 'hello from a function', method, path })}\n`,
  }
}

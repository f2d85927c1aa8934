/** What a WebSocket API sends: a client came, said something, or went. */
interface Event {
  readonly requestContext: {
    readonly eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT'
    readonly connectionId: string
  }
  /** Of a message. */
  readonly body?: string
}

/** On CONNECT a status of 200 lets the client in. The body of the answer to a MESSAGE goes back to the client. */
interface Answer {
  readonly statusCode: number
  readonly body?: string
}

export async function handler({ requestContext, body }: Event): Promise<Answer> {
  const { eventType, connectionId } = requestContext
  if (eventType !== 'MESSAGE') {
    console.log(`${connectionId}: ${eventType}`)
    return { statusCode: 200 }
  }
  return { statusCode: 200, body: `you said: ${body ?? ''}` }
}

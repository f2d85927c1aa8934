import { expect } from 'vitest'
import type { HelloReply } from '../messages.ts'
import { type GreeterClient, messagesOf, promised, read, sayHello } from './greeter-client.ts'

/** Calls one method of each kind, and expects what every Greeter answers, in whatever language it is written. */
export async function expectFourKinds(client: GreeterClient): Promise<void> {
  expect(await sayHello(client, { name: 'Ada' })).toEqual({ message: 'Hello Ada' })
  expect(await messagesOf(client.SayHelloStreamReply({ name: 'Ada' }))).toHaveLength(5)
  expect(await messagesOf(client.SayHelloStreamReply({ name: 'Ada', count: 100 }))).toHaveLength(100)
  const lots = promised<HelloReply>((answer) => {
    const call = client.LotsOfGreetings(answer)
    for (const name of ['Ada', 'Bob', 'Cleo', 'Dan']) call.write({ name })
    call.end()
  })
  expect(await lots).toEqual({ message: 'Hello Ada, Bob, Cleo and 1 more' })
  const call = client.SayHelloBidiStream()
  const replies = read(call)
  for (const name of ['Ada', 'Bob']) {
    call.write({ name })
    expect(await replies.next()).toEqual({ message: `Hello ${name}` })
  }
  call.end()
  expect(await replies.next()).toBeUndefined()
}

import { Headers } from '@sekisho/wire'

/** What a gateway says about a client, and upstreams believe: some merge trailers into the head. */
const SAID_BY_US = /^(forwarded|via|x-real-ip|x-forwarded-.*|x-consumer-.*|x-credential-.*|x-request-id|proxy-.*)$/i

/** The trailer fields of a request that may go on: without those by which a client could pass for somebody else. */
export function requestTrailers(block: string): string {
  if (block === '') return block
  const trailers = new Headers(block)
  const forbidden = [...trailers].map(([name]) => name).filter((name) => SAID_BY_US.test(name))
  for (const name of forbidden) trailers.delete(name)
  return trailers.block
}

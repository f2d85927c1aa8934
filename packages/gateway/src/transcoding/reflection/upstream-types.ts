import type { FileRegistry } from '@bufbuild/protobuf'
import type { GatewaySession } from '../../session.ts'
import { mendFiles } from '../descriptors/mend-files.ts'
import { registryOf } from '../descriptors/registry.ts'
import type { Transcoder } from '../transcoder.ts'
import { fetchFiles } from './fetch-files.ts'
import { openCalls } from './http2-call.ts'
import { TypesCache } from './types-cache.ts'

/** Transcoders with the types that upstreams tell of themselves. */
export class UpstreamTypes {
  private readonly caches = new WeakMap<object, TypesCache<Transcoder>>()
  private readonly build: (registry: FileRegistry) => Transcoder

  constructor(build: (registry: FileRegistry) => Transcoder) {
    this.build = build
  }

  /**
   * The transcoder for the upstream of a request, asked anew when the one that is known does not suffice. Answers the request and returns
   * undefined when the upstream tells nothing.
   */
  async transcoderFor(
    session: GatewaySession,
    suffices: (known: Transcoder) => boolean,
  ): Promise<Transcoder | undefined> {
    const target = (session.ctx.chosen ?? session.ctx.plan)?.upstream
    // Without an upstream the gateway has an answer of its own.
    if (target === undefined) return undefined
    let cache = this.caches.get(target)
    if (cache === undefined) this.caches.set(target, (cache = new TypesCache()))
    try {
      return await cache.get(suffices, () => this.fetch(session))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      session.respond(503, { code: 14, message: `the types of the upstream are not known: ${reason}`, details: [] })
      return undefined
    }
  }

  private async fetch(session: GatewaySession): Promise<Transcoder> {
    const peer = (session.ctx.chosen ?? session.ctx.plan)?.upstream?.pick(session)
    if (peer === undefined) throw new Error('no node of it is left')
    const { call, close } = openCalls(peer)
    try {
      return this.build(registryOf(mendFiles(await fetchFiles(call))))
    } finally {
      close()
    }
  }
}

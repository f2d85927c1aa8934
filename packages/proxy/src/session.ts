import type { Headers, RequestHead, ResponseHead, TlsInfo } from '@sekisho/wire'
import type { Backend } from './balancing/index.ts'
import type { CacheResult } from './cache/http-cache.ts'
import type { AnswerBudget, Subrequest, SubrequestAnswer } from './exchange/subrequest.ts'
import type { TunnelHandler } from './exchange/local-tunnel.ts'
import type { MessageLimits } from './exchange/message-limits.ts'
import type { ResponseTranslator } from './exchange/translated-response.ts'
import type { TunnelLimits } from './exchange/tunnel-limits.ts'
import type { Peer } from './peers/peer.ts'

/** Fields of a local answer, by name. */
export type ResponseFields = Readonly<Record<string, string | readonly string[]>>
/** Text leaves as UTF-8, bytes as they are, anything else as JSON. */
export type ResponseBody = string | Uint8Array | object

/** Where a response came from. */
export type ResponseSource = 'upstream' | 'cache' | 'local'

/** One request and its response, as the phases see it. HTTP/1 and later protocols meet the phases through this one type. */
export interface Session<Ctx = unknown> {
  /** What `newContext` made. */
  readonly ctx: Ctx
  /** What the client sent. Edits are what the upstream gets (and `upstreamRequestFilter` edits a copy, per attempt). */
  readonly request: RequestHead
  /** The response head, from the response phases on. */
  readonly response: ResponseHead | undefined
  /** Where that came from. */
  readonly responseSource: ResponseSource | undefined
  /** What a cache did for this request; undefined: it uses none. */
  readonly cacheResult: CacheResult | undefined
  /** The cache asks for itself, to have a response anew: there is no client, and only the phases from `upstreamPeer` on run. */
  readonly background: boolean
  /** Made by `subrequest`, not by a client. */
  readonly inner: boolean
  /** The peer of the current or last attempt. */
  readonly peer: Peer | undefined
  /** Attempts begun, 1 during the first. */
  readonly attempts: number
  /** Balancer nodes that failed in this request: hand it to `select`, and they are not picked again. */
  readonly tried: readonly Backend[]
  /** Client and local end of the connection. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** The client's connection is encrypted. */
  readonly secure: boolean
  /** What the TLS handshake with the client came to. */
  readonly tls: TlsInfo | undefined
  /** `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`. */
  readonly protocol: string
  /** 1 for the first request of a connection. */
  readonly requestNumber: number

  /**
   * Answers in place of the upstream. The first call counts. Without a content type text is `text/plain; charset=utf-8`, an
   * object `application/json`. Takes effect when the phase that calls it is over.
   */
  respond(status: number, body?: ResponseBody, headers?: ResponseFields): void
  /**
   * Agrees to switch protocols, in place of an upstream: `handler` gets the client's bytes from here on. For a request with `upgrade` alone, and as
   * `respond` otherwise; `fields` are those of the 101 response.
   */
  acceptUpgrade(fields: ResponseFields, handler: TunnelHandler): void
  /** Gives the answer of `respond` another body, if its status is at least `minStatus`. */
  amendResponse(minStatus: number, body: ResponseBody): void
  /**
   * Takes back what `respond` said in this phase, and returns its head; undefined when nothing was said. For what asks several others, one of
   * which may let a request on that another one refused.
   */
  withdrawResponse(): ResponseHead | undefined
  /** `respond` was called. */
  readonly responded: boolean
  /** The response's head left: nothing of it can be changed any more. */
  readonly headSent: boolean
  /**
   * The whole request body, read before an upstream is chosen; it is sent on from memory. Rejects with a ProxyError (413) when it is larger
   * than `limitBytes`.
   */
  readBody(limitBytes: number): Promise<Uint8Array>
  /** Replaces the request body that `readBody` read, or gives one to a request that has none; its length becomes the upstream request's. */
  replaceBody(body: Uint8Array): void
  /**
   * Sends another request through all phases, as if the same client had sent it, and gathers the response. Rejects with an Error for people when the
   * request is malformed (`MalformedSubrequest`), or its response was cut or has more than `limitBytes` bytes, or than `budget`, which several may
   * share, has left. It is given up when this request ends; nothing else limits it in time than what limits any request.
   */
  subrequest(request: Subrequest, limitBytes: number, budget?: AnswerBudget): Promise<SubrequestAnswer>
  /**
   * Holds back what the upstream sends next for so long (a bandwidth limit, called from a body filter). A small response that came whole in one
   * read has nothing to be held back.
   */
  pauseResponse(ms: number): void
  /**
   * The whole exchange, attempts and response included, may take so long from now; then it fails with 504 (gRPC: DEADLINE_EXCEEDED), or is cut. Of
   * several limits the smallest counts. What a gRPC client says in `grpc-timeout` is such a limit already.
   */
  limitTime(ms: number): void
  /**
   * Called in upstreamPeer: this attempt may take so long from now until the head of its response; then it failed with READ_TIMEOUT. Kept to
   * within 50 ms.
   */
  limitAttempt(ms: number): void
  /**
   * Called in upstreamPeer: when no response has begun after so long, `hedgePeer` is asked for another node, and the request goes there, too;
   * up to `max` times (1 unless it is said), each after as long again. The first head that comes is the answer. Only for GET, HEAD and OPTIONS
   * without a body; nothing happens for others.
   */
  hedge(afterMs: number, max?: number): void
  /** Another attempt could be made: the request can be sent again from its start, and `maxRetries` allows it. */
  readonly replayable: boolean
  /** How much of the request body is remembered for another attempt; 64 KiB unless it is said. Before the body is read. */
  limitReplay(bytes: number): void
  /**
   * No gRPC message of this request or its response may have more bytes than that; a longer one ends the call with RESOURCE_EXHAUSTED, by its
   * prefix alone. What the upstream gets and sends counts. Where one of these is not gRPC nothing is counted.
   */
  limitMessages(limits: MessageLimits): void
  /**
   * A response that is nothing but one of these statuses of gRPC ("Trailers-Only") does not leave: another node is asked, as after a failure that
   * may be repeated (`errorWhileProxy`). When none is left, the last such response leaves.
   */
  retryOnStatus(statuses: ReadonlySet<number>): void
  /** What a gRPC call came to, once its response is complete: the upstream's status, or that of our own answer. undefined: none was sent. */
  readonly grpcStatus: number | undefined
  /** For a request that may switch protocols: how its tunnel is limited. What is left out keeps its default. */
  limitTunnel(limits: Partial<TunnelLimits>): void
  /**
   * Called in responseFilter: the head waits for the end of the body, so that the last call of responseBodyFilter can still change status and
   * fields by what it saw. A filtered body of more than `limitBytes` is a failure (502).
   */
  holdResponse(limitBytes: number): void
  /**
   * Called in upstreamRequestFilter, for each attempt: what this upstream answers becomes another response before any response phase sees it, head
   * and body. Trailers do not pass.
   */
  translateResponse(translator: ResponseTranslator): void
  /** The trailer fields of the response, there (perhaps empty) in the last call of responseBodyFilter: what is left in it leaves. */
  readonly trailers: Headers | undefined

  /** Monotonic milliseconds (performance.now); 0 = has not happened. */
  readonly startedAt: number
  /** The request was sent to the upstream (its head, at the last attempt). */
  readonly sentAt: number
  /** The upstream's response head arrived. */
  readonly answeredAt: number
  readonly finishedAt: number
  /** Bytes on the client's wire, heads included. */
  readonly bytesReceived: number
  readonly bytesSent: number
}

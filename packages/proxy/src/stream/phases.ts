import type { Peer } from '../peers/peer.ts'
import type { ProxyError } from '../proxy-error.ts'
import type { StreamSession } from './stream-session.ts'

/** How a session is served: settled when it begins. One object may serve many. Times in milliseconds, 0 = no limit. */
export interface StreamPlan {
  /** No byte in either direction for so long ends the session. */
  readonly idleTimeoutMs: number
  /** Attempts after the first one, at most. */
  readonly retries: number
  /** For all attempts together. */
  readonly retryTimeoutMs: number
  /** TCP: the upstream is told who the client is, by a header of the PROXY protocol in front of everything else. */
  readonly proxyProtocol: 1 | 2 | undefined
  /** UDP: the session ends after so many datagrams of the upstream; 0 = it ends by time alone. */
  readonly responses: number
}

/**
 * What a program decides about sessions below HTTP, in the order of a session. A callback that throws costs this session its connection
 * and the log a line.
 */
export interface StreamPhases<Ctx> {
  /** What the program keeps with a session. The first call of all. */
  newContext(session: StreamSession<Ctx>): Ctx
  /** On a listener with TLS, when the ClientHello is there: whether its bytes go on untouched. Left out: TLS ends here. */
  passesTls?(session: StreamSession<Ctx>): boolean
  /** Lets the session in. undefined closes it; the program says why in its log. */
  open(session: StreamSession<Ctx>): StreamPlan | undefined
  /** Picks a node for this attempt; undefined when none is left. Called again when connecting failed. */
  upstreamPeer(session: StreamSession<Ctx>): Peer | undefined
  /** The connection to the node is there (UDP: the node has answered). */
  connectedToUpstream?(session: StreamSession<Ctx>, peer: Peer): void
  /** No byte has reached the node. May set `error.retry`. */
  failToConnect?(session: StreamSession<Ctx>, peer: Peer, error: ProxyError): void
  /** true: no line in the log. */
  suppressErrorLog?(session: StreamSession<Ctx>, error: ProxyError): boolean
  /** The session is over. Called once for each session that `open` was asked about. */
  logging?(session: StreamSession<Ctx>): void
}

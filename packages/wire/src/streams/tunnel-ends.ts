/** Who joins two connections after a 101: told what each side brings. Chunks are the receiver's to keep. */
export interface TunnelEnds {
  fromClient(chunk: Uint8Array): void
  fromUpstream(chunk: Uint8Array): void
  /** What waited to be sent to that side has left. */
  clientDrained(): void
  upstreamDrained(): void
  /** That side will send no more. */
  clientEnded(): void
  upstreamEnded(): void
  /** That side's connection is gone. */
  clientLost(): void
  upstreamLost(): void
  /** The gateway stops: a last word may be sent. */
  stopping(): void
}

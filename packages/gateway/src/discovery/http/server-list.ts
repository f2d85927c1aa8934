/** Servers of one registry that know the same: the first one is asked until it fails, then the next. */
export class ServerList {
  private readonly servers: readonly string[]
  private at = 0

  /** @param servers URLs, at least one */
  constructor(servers: readonly string[]) {
    this.servers = servers
  }

  /** Without a slash at its end. */
  get current(): string {
    return this.servers[this.at].replace(/\/+$/, '')
  }

  /** The present one failed. Reports that crossed with another's do not skip a server. */
  failed(server: string): void {
    if (server === this.current) this.at = (this.at + 1) % this.servers.length
  }
}

/** The last TLS session of each peer, to resume: saves a round trip and the certificate check's signatures. */
export type TlsSessions = Map<string, Buffer>

/** About 2 KiB each. */
const MAX_SESSIONS = 1_024

/** Keeps the session for the next connection with that key; the one that was kept first goes when there are too many. */
export function keepSession(sessions: TlsSessions, key: string, session: Buffer): void {
  if (sessions.size >= MAX_SESSIONS && !sessions.has(key)) sessions.delete(sessions.keys().next().value as string)
  sessions.set(key, session)
}

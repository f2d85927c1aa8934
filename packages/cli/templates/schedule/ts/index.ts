/** What a schedule sends, unless it has an input of its own. */
interface ScheduledEvent {
  /** When it was due: `2026-11-21T18:00:00Z`. */
  readonly time: string
}

export async function handler({ time }: ScheduledEvent): Promise<{ readonly ran: string }> {
  console.log('running for', time)
  return { ran: time }
}

/** One message or record of a source. */
export interface SourceRecord {
  /** Records of a lane go to the function in order: a partition. Of sources without order all are in one lane. */
  readonly lane: string
  /** What the function names in `batchItemFailures`. */
  readonly id: string
  /** As it stands in the event. */
  readonly event: Readonly<Record<string, unknown>>
  /** What stands in the event, by the names that filters use, decoded: `body`, `value`, … */
  readonly contents: Readonly<Record<string, string | undefined>>
  /** About its length in the event. */
  readonly bytes: number
  /** When it was written, milliseconds since 1970. */
  readonly at: number
  /** How often it was handed out before. */
  readonly deliveries: number
}

/** Where records come from. One for each mapping; one connection or a few. */
export interface Poller {
  /** Lanes are run one batch at a time, and what fails is tried again in its place. */
  readonly ordered: boolean
  /** Up to `max` records; none when there are none for `waitMs`. Rejects when the source is away: the poller is of no use then. */
  poll(max: number, waitMs: number): Promise<readonly SourceRecord[]>
  /** They are done, and do not come again. */
  settle(records: readonly SourceRecord[]): Promise<void>
  /** They come again, not before `delayMs`. Only of sources without order. */
  retry(records: readonly SourceRecord[], delayMs: number): Promise<void>
  /** They are still being worked on: nobody else may get them. Called every `KEEP_MS`. */
  keep(records: readonly SourceRecord[]): Promise<void>
  /** The event of a batch. */
  eventOf(records: readonly SourceRecord[]): object
  /** A `poll` that waits ends. */
  close(): Promise<void>
}

/** A record that nobody has kept for so long may be given to another. */
export const VISIBILITY_MS = 60_000
export const KEEP_MS = 20_000

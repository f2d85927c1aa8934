import { PackageProblem } from '../packages/package-problem.ts'
import type { CatalogContext } from './catalog-context.ts'
import { revised, touched } from './functions/revise.ts'
import type { FunctionRecord, ImageCode, VersionRecord } from './records/function-record.ts'

/** Unpacks images of functions in the background: minutes, where a zip takes milliseconds. The function is Pending, or its update InProgress. */
export class ImageUpdates {
  readonly #context: CatalogContext
  readonly #running = new Map<string, Promise<void>>()

  constructor(context: CatalogContext) {
    this.#context = context
  }

  /** What a crash interrupted goes on. */
  resume(): void {
    for (const record of this.#context.records.functions.values())
      if (wantedImage(record.latest) !== undefined) this.start(record.name)
  }

  start(name: string): void {
    const before = this.#running.get(name) ?? Promise.resolve()
    const run = before
      .then(() => this.#run(name))
      .finally(() => {
        if (this.#running.get(name) === run) this.#running.delete(name)
      })
    this.#running.set(name, run)
  }

  /** Until nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  async #run(name: string): Promise<void> {
    const record = this.#context.records.functions.get(name)
    const wanted = record === undefined ? undefined : wantedImage(record.latest)
    if (record === undefined || wanted === undefined) return
    const outcome = await this.#context.images
      .take(wanted.uri)
      .catch((error: unknown) => new PackageProblem('image', (error as Error).message))
    // The function may be gone, or be told to become something else: then this outcome is of no use.
    await this.#context.records
      .changeFunction(name, (current) => {
        const still = current?.incarnation === record.incarnation && wantedImage(current.latest)?.uri === wanted.uri
        return { record: still ? this.#outcomeOf(current, outcome) : current, result: undefined }
      })
      // The state is closed, or full: the next start tries again.
      .catch(() => undefined)
  }

  #outcomeOf(record: FunctionRecord, outcome: ImageCode | PackageProblem): FunctionRecord {
    const { latest } = record
    const { nextCode, stateReason: _, stateReasonCode: __, ...version } = latest
    if (outcome instanceof PackageProblem) {
      const reason = { reason: outcome.detail, reasonCode: 'InvalidImage' } as const
      const failed: VersionRecord =
        nextCode === undefined
          ? { ...version, state: 'Failed', stateReason: reason.reason, stateReasonCode: reason.reasonCode }
          : { ...version, update: { status: 'Failed', ...reason } }
      return { ...record, latest: touched(failed) }
    }
    return { ...record, latest: revised({ ...version, state: 'Active' }, { code: outcome }, this.#context.now()) }
  }
}

/** What is to be unpacked for it; undefined: nothing. */
function wantedImage({ state, code, nextCode }: VersionRecord): ImageCode | undefined {
  return nextCode ?? (state === 'Pending' && code.kind === 'image' ? code : undefined)
}

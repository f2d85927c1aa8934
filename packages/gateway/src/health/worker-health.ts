import { HealthBoard, type HealthBoardData } from '@sekisho/proxy'
import type { NormalUpstream } from '../resources/normalise-upstream.ts'
import type { HealthReport } from './health-messages.ts'
import { watchesNodes } from './health-settings.ts'
import { TargetHealth } from './target-health.ts'

/** What this worker knows of the nodes of all upstreams that are watched, by where these are written. */
export class WorkerHealth {
  private readonly boards = new Map<string, HealthBoard>()
  private readonly post: (report: HealthReport) => void

  constructor(boards: ReadonlyMap<string, HealthBoardData>, post: (report: HealthReport) => void) {
    this.post = post
    for (const [place, data] of boards) this.set(place, data)
  }

  set(place: string, data: HealthBoardData | undefined): void {
    if (data === undefined) this.boards.delete(place)
    else this.boards.set(place, new HealthBoard(data))
  }

  board(place: string): HealthBoard | undefined {
    return this.boards.get(place)
  }

  /** For an upstream that is written at this place; undefined when nothing of it is watched. */
  of(place: string, upstream: NormalUpstream): TargetHealth | undefined {
    if (!watchesNodes(upstream)) return undefined
    return new TargetHealth(upstream, (node, event, evidence) =>
      this.post({ type: 'health', place, node, event, evidence }),
    )
  }
}

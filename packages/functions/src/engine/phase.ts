/**
 * What an execution environment does.
 *
 * ```
 * starting --init--> idle <--+
 *    |                |      | next, by the runtime and by its extensions
 *    | init failed    | call |
 *    v                v      |
 *  gone   reviving-->running-->responded
 * ```
 *
 * From everywhere it may go to `ending` (its processes have been told) and from there to `gone` (there are none any more).
 */
export const PHASE = {
  /** Init: nobody's time runs but its own limit. */
  starting: 0,
  /** Init once more, inside an invocation and on its time. */
  reviving: 1,
  /** Waits for an invocation; frozen after a moment. */
  idle: 2,
  running: 3,
  /** The caller has its answer; the runtime or an extension still works. */
  responded: 4,
  ending: 5,
  gone: 6,
} as const

export type Phase = (typeof PHASE)[keyof typeof PHASE]

export const PHASES = 7

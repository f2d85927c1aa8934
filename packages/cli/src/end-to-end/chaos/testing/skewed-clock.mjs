// NODE_OPTIONS="--import=file:///…/skewed-clock.mjs", SKEWED_CLOCK=FILE: the wall clock of every thread of a process, and of what it
// starts, is wrong by as many milliseconds as the file says. Monotonic clocks and timers are right, as they are on such a machine.
import { readFileSync, watchFile } from 'node:fs'

const file = process.env.SKEWED_CLOCK
const RightDate = Date
/** Between two looks at the file. */
const LOOK_MS = 50
let offset = 0

function look() {
  try {
    offset = Number(readFileSync(file, 'utf8'))
  } catch {
    // Not there: right.
    offset = 0
  }
}

globalThis.Date = class Date extends RightDate {
  constructor(...parts) {
    if (parts.length === 0) super(RightDate.now() + offset)
    else super(...parts)
  }

  static now() {
    return RightDate.now() + offset
  }
}

if (file !== undefined) {
  look()
  watchFile(file, { interval: LOOK_MS, persistent: false }, look)
}

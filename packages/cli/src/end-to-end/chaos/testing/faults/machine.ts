import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { between, oneOf } from './choices.ts'
import type { Deed } from './fault.ts'

/** An hour, a day, a moment. */
const SKEWS_MS = [3_600_000, -3_600_000, 86_400_000, -86_400_000, 1_500, -1_500]

/** What happens to the machine. */
export const machine: readonly Deed[] = [
  {
    name: 'the disk is full',
    possible: ({ disk }) => disk.mounted,
    async strike({ disk }, next) {
      disk.fill()
      await pause(between(next, 200, 3_000))
      disk.free()
    },
  },
  {
    name: 'the clock is wrong',
    async strike({ clock }, next) {
      writeFileSync(clock, String(oneOf(next, SKEWS_MS)))
      await pause(between(next, 300, 3_000))
      writeFileSync(clock, '0')
    },
  },
]

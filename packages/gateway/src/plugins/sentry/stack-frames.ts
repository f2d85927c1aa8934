/** A frame of Sentry's interface `stacktrace`. */
interface Frame {
  readonly function?: string
  readonly filename: string
  readonly lineno: number
  readonly colno: number
  readonly in_app: boolean
}

const LINE = /^\s+at (?:(.+?) \()?(.+?):(\d+):(\d+)\)?$/
const MAX_FRAMES = 50

/** The frames of an error's stack, the oldest call first. */
export function stackFrames(stack: string | undefined): Frame[] {
  const frames: Frame[] = []
  for (const line of (stack ?? '').split('\n', MAX_FRAMES)) {
    const match = LINE.exec(line)
    if (match === null) continue
    const [, name, filename, lineno, colno] = match
    frames.push({
      ...(name !== undefined && { function: name }),
      filename,
      lineno: Number(lineno),
      colno: Number(colno),
      in_app: !filename.startsWith('node:') && !filename.includes('/node_modules/'),
    })
  }
  return frames.reverse()
}

import { MAX_ERROR_CAUSE_BYTES } from './limits.ts'

/** The lists of an X-Ray cause that grow with the depth of a stack, and the texts that may be long. */
const LISTS = ['exceptions', 'paths'] as const
const TEXTS = ['message', 'working_directory'] as const
/** Half of the limit each, with room for names and brackets: 2 x 30,720 + 4,096 = 65,536. */
const MAX_TEXT_LENGTH = (MAX_ERROR_CAUSE_BYTES - 4_096) / 2

/**
 * The value of `Lambda-Runtime-Function-XRay-Error-Cause` as JSON that is at most 64 KiB long: a longer one loses the ends of its lists, then all of
 * them, then the ends of its texts. undefined when it is not an object, or is too large in other ways.
 */
export function errorCause(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined
  let cause: unknown
  try {
    cause = JSON.parse(Buffer.from(header, 'latin1').toString())
  } catch {
    return undefined
  }
  if (typeof cause !== 'object' || cause === null || Array.isArray(cause)) return undefined
  const text = JSON.stringify(cause)
  return fits(text) ? text : cropped(cause as Record<string, unknown>)
}

const fits = (text: string): boolean => Buffer.byteLength(text) <= MAX_ERROR_CAUSE_BYTES

function cropped(cause: Record<string, unknown>): string | undefined {
  for (const share of [0.8, 0.6, 0.4, 0.2, 0]) {
    for (const name of LISTS) {
      const list = cause[name]
      if (Array.isArray(list)) cause[name] = list.slice(0, Math.floor(list.length * share))
    }
    const text = JSON.stringify(cause)
    if (fits(text)) return text
  }
  for (const name of TEXTS) {
    const text = cause[name]
    if (typeof text === 'string' && text.length > MAX_TEXT_LENGTH)
      cause[name] = text.slice(0, MAX_TEXT_LENGTH - 3) + '...'
  }
  const text = JSON.stringify(cause)
  return fits(text) ? text : undefined
}

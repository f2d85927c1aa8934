import { AdminError } from './admin-error.ts'

/** Longest wait for the store. */
const WAIT_MS = 30_000

/** What a store promised, or 504: whether the change was made is not known then. */
export async function withDeadline<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const message = `the store did not answer within ${WAIT_MS / 1_000} s, so the change may or may not have been made; look at GET /apisix/admin/history`
    timer = setTimeout(() => reject(new AdminError(504, message)), WAIT_MS)
    timer.unref()
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

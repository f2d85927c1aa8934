/** Resolves when so much time has passed, or the signal has come. */
export function wait(ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      stop.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    stop.addEventListener('abort', end)
  })
}

/** As the work resolves, or with `otherwise` when the signal comes first. */
export function unlessStopped<T>(work: Promise<T>, stop: AbortSignal, otherwise: T): Promise<T> {
  if (stop.aborted) return Promise.resolve(otherwise)
  return new Promise((resolve, reject) => {
    const end = () => resolve(otherwise)
    stop.addEventListener('abort', end)
    work.then(resolve, reject).finally(() => stop.removeEventListener('abort', end))
  })
}

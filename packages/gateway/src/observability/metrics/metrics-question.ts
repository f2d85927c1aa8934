/** The control thread answers within milliseconds; longer and it is not going to. */
const TIMEOUT_MS = 5_000

interface Question {
  readonly asked: Promise<string>
  readonly resolve: (text: string) => void
  readonly timer: NodeJS.Timeout
}

/**
 * Asks the control thread, which has the numbers of all workers, for what `GET /metrics` shows. Requests that come while one question is
 * under way wait for the same answer.
 */
export class MetricsQuestion {
  private readonly post: () => void
  private question: Question | undefined

  /** @param post sends the question */
  constructor(post: () => void) {
    this.post = post
  }

  /** Rejects when there is no answer in time. */
  ask(): Promise<string> {
    this.question ??= this.begin()
    return this.question.asked
  }

  /** The answer came. */
  answer(text: string): void {
    const { question } = this
    this.question = undefined
    clearTimeout(question?.timer)
    question?.resolve(text)
  }

  private begin(): Question {
    const parts = {} as { resolve: Question['resolve']; timer: NodeJS.Timeout }
    const asked = new Promise<string>((resolve, reject) => {
      parts.resolve = resolve
      parts.timer = setTimeout(() => {
        this.question = undefined
        reject(new Error('the control thread did not answer'))
      }, TIMEOUT_MS)
      parts.timer.unref()
    })
    this.post()
    return { asked, ...parts }
  }
}

/** Turns by weight, evenly spread: weights 5, 1, 1 give a a b a c a a (nginx's smooth weighted round robin). */
export class SmoothWeights {
  private readonly weights: readonly number[]
  private readonly total: number
  private readonly due: Float64Array

  /** @param weights at least one above 0 */
  constructor(weights: readonly number[]) {
    this.weights = weights
    this.total = weights.reduce((sum, weight) => sum + weight, 0)
    this.due = new Float64Array(weights.length)
  }

  /** The index whose turn it is. */
  next(): number {
    const { weights, due } = this
    if (weights.length === 1) return 0
    let best = -1
    for (let index = 0; index < weights.length; index++) {
      if (weights[index] === 0) continue
      due[index] += weights[index]
      if (best < 0 || due[index] > due[best]) best = index
    }
    due[best] -= this.total
    return best
  }
}

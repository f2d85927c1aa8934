/** The cycles of a graph: its strongly connected parts that can be gone round. */
export interface Cycles {
  /** States of each cycle. */
  readonly members: readonly (readonly number[])[]
  /** By state: the cycle it is on, or -1. */
  readonly of: readonly number[]
}

/** Tarjan's algorithm, with a stack of its own instead of recursion. Cycles come in the order of the ways between them. */
export function cyclesOf(followers: readonly (readonly number[])[]): Cycles {
  const size = followers.length
  const order = new Int32Array(size).fill(-1)
  const lowest = new Int32Array(size)
  const onStack = new Uint8Array(size)
  const of: number[] = Array.from({ length: size }, () => -1)
  const stack: number[] = []
  const parts: number[][] = []
  let counter = 0
  for (let root = 0; root < size; root++) {
    if (order[root] !== -1) continue
    const path: { readonly state: number; at: number }[] = []
    const enter = (state: number): void => {
      order[state] = lowest[state] = counter++
      onStack[state] = 1
      stack.push(state)
      path.push({ state, at: 0 })
    }
    enter(root)
    while (path.length > 0) {
      const frame = path[path.length - 1]
      const { state } = frame
      if (frame.at < followers[state].length) {
        const next = followers[state][frame.at++]
        if (order[next] === -1) enter(next)
        else if (onStack[next] === 1) lowest[state] = Math.min(lowest[state], order[next])
        continue
      }
      path.pop()
      if (path.length > 0) {
        const parent = path[path.length - 1].state
        lowest[parent] = Math.min(lowest[parent], lowest[state])
      }
      if (lowest[state] !== order[state]) continue
      const part = stack.splice(stack.lastIndexOf(state))
      for (const member of part) onStack[member] = 0
      if (part.length > 1 || followers[state].includes(state)) parts.push(part)
    }
  }
  // Parts are found last first.
  const members = parts.reverse()
  for (const [cycle, states] of members.entries()) for (const state of states) of[state] = cycle
  return { members, of }
}

/** 1 for every state that can be reached from `states`, and for these. */
export function reachable(followers: readonly (readonly number[])[], states: readonly number[]): Uint8Array {
  const found = new Uint8Array(followers.length)
  const queue = [...states]
  for (const state of queue) found[state] = 1
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    for (const next of followers[state]) {
      if (found[next] === 1) continue
      found[next] = 1
      queue.push(next)
    }
  }
  return found
}

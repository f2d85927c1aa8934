// The SDK was written for an AssemblyScript that counted references: what it kept and let go is pinned and unpinned today.
export function __retain(pointer: usize): usize {
  return __pin(pointer)
}

export function __release(pointer: usize): void {
  __unpin(pointer)
}

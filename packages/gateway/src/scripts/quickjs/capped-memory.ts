import type { EmscriptenModule } from 'quickjs-emscripten-core'

/** What this build of QuickJS begins with: its stack, its tables, and a heap. */
const INITIAL_BYTES = 16_777_216
const MAX_BYTES = 2_147_483_648
const PAGE_BYTES = 65_536

interface GrowingMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number; maximum: number }) => GrowingMemory }
  }
).WebAssembly

/** The heap has no room left. */
export class HeapFull extends Error {}

/** The memory of one machine. What its heap may have is said once the machine is given to somebody. */
export class CappedMemory {
  readonly memory: GrowingMemory
  /** Something asked for more than there is, since this was last set. */
  denied = false
  private malloc: ((bytes: number) => number) | undefined = undefined
  private maxBytes = MAX_BYTES

  constructor() {
    const memory = new Memory({ initial: INITIAL_BYTES / PAGE_BYTES, maximum: MAX_BYTES / PAGE_BYTES })
    const grow = memory.grow.bind(memory)
    memory.grow = (pages) => {
      if (memory.buffer.byteLength + pages * PAGE_BYTES > this.maxBytes) {
        this.denied = true
        throw new RangeError('the memory is at its limit')
      }
      return grow(pages)
    }
    this.memory = memory
  }

  /** From now on the host hears of it when there is no room for what it puts in: the library would write to address 0. */
  attach(module: EmscriptenModule): void {
    const malloc = module._malloc.bind(module) as unknown as (bytes: number) => number
    this.malloc = malloc
    module._malloc = ((bytes: number): number => {
      const at = malloc(bytes)
      if (at !== 0) return at
      this.denied = true
      throw new HeapFull('the memory of the sandbox is full')
    }) as unknown as typeof module._malloc
  }

  /** So much more may be used than is now. */
  limit(bytes: number): void {
    const { malloc } = this
    if (malloc === undefined) return
    const used = malloc(PAGE_BYTES)
    this.maxBytes = Math.min(MAX_BYTES, Math.max(INITIAL_BYTES, Math.ceil((used + bytes) / PAGE_BYTES) * PAGE_BYTES))
    // What is there from the beginning and beyond the limit is taken; nobody writes to it, so it costs nothing.
    for (let spare = INITIAL_BYTES - used - bytes; spare > PAGE_BYTES; spare -= PAGE_BYTES)
      if (malloc(spare) !== 0) break
    this.denied = false
  }

  get bytes(): number {
    return this.memory.buffer.byteLength
  }
}

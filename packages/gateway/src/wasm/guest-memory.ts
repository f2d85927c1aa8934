import { latin1Text } from '@sekisho/wire'
import { Status } from './abi.ts'
import type { WasmMemory } from './module/engine.ts'

/**
 * The linear memory of one module. Every address and length comes from a stranger: each is checked against the memory as it is now. What cannot
 * be read is undefined, what cannot be written false.
 */
export class GuestMemory {
  private readonly memory: WasmMemory
  private readonly allocateInGuest: (size: number) => number
  private bytes: Buffer
  private view: DataView

  /** @param allocate of the guest: the address of so many bytes that the host may write, or 0 */
  constructor(memory: WasmMemory, allocate: (size: number) => number) {
    this.memory = memory
    this.allocateInGuest = allocate
    this.bytes = Buffer.from(memory.buffer)
    this.view = new DataView(memory.buffer)
  }

  get size(): number {
    return this.current().length
  }

  /** Text in latin1, as header fields are kept: byte for byte. */
  latin1(at: number, size: number): string | undefined {
    const bytes = this.current()
    const start = at >>> 0
    const end = start + (size >>> 0)
    return end > bytes.length ? undefined : latin1Text(bytes, start, end)
  }

  utf8(at: number, size: number): string | undefined {
    const bytes = this.current()
    const start = at >>> 0
    const end = start + (size >>> 0)
    return end > bytes.length ? undefined : bytes.toString('utf8', start, end)
  }

  /** A view: valid until the guest runs again. */
  slice(at: number, size: number): Buffer | undefined {
    const bytes = this.current()
    const start = at >>> 0
    const end = start + (size >>> 0)
    return end > bytes.length ? undefined : bytes.subarray(start, end)
  }

  getU32(at: number): number | undefined {
    const start = at >>> 0
    return start + 4 > this.current().length ? undefined : this.view.getUint32(start, true)
  }

  setU32(at: number, value: number): boolean {
    const start = at >>> 0
    if (start + 4 > this.current().length) return false
    this.view.setUint32(start, value, true)
    return true
  }

  setU64(at: number, value: bigint): boolean {
    const start = at >>> 0
    if (start + 8 > this.current().length) return false
    this.view.setBigUint64(start, BigInt.asUintN(64, value), true)
    return true
  }

  /** Hands latin1 text over: where it lies is written to `pointerAt`, its length to `sizeAt`. */
  giveText(text: string, pointerAt: number, sizeAt: number): Status {
    const at = this.room(text.length, pointerAt, sizeAt)
    if (at < 0) return Status.INVALID_MEMORY_ACCESS
    if (at > 0) this.bytes.write(text, at, 'latin1')
    return Status.OK
  }

  giveBytes(bytes: Uint8Array, pointerAt: number, sizeAt: number): Status {
    const at = this.room(bytes.length, pointerAt, sizeAt)
    if (at < 0) return Status.INVALID_MEMORY_ACCESS
    if (at > 0) this.bytes.set(bytes, at)
    return Status.OK
  }

  /** Hands over `size` bytes that `write` fills. */
  giveWritten(size: number, pointerAt: number, sizeAt: number, write: (bytes: Buffer, at: number) => void): Status {
    const at = this.room(size, pointerAt, sizeAt)
    if (at < 0) return Status.INVALID_MEMORY_ACCESS
    if (at > 0) write(this.bytes, at)
    return Status.OK
  }

  /** For a value that is not there: SDKs look at the address whatever the status says. */
  giveNothing(pointerAt: number, sizeAt: number): boolean {
    return this.setU32(pointerAt, 0) && this.setU32(sizeAt, 0)
  }

  /** Address of `size` new bytes, told to the guest; 0 when `size` is, -1 where the guest gave no good one. */
  private room(size: number, pointerAt: number, sizeAt: number): number {
    // Before the guest is asked for memory: it would be lost.
    if (!this.giveNothing(pointerAt, sizeAt)) return -1
    if (size === 0) return 0
    const at = this.allocateInGuest(size) >>> 0
    if (at === 0 || at + size > this.current().length) return -1
    return this.setU32(pointerAt, at) && this.setU32(sizeAt, size) ? at : -1
  }

  /** The bytes: growing detaches the old ones. */
  private current(): Buffer {
    if (this.bytes.length === 0) {
      this.bytes = Buffer.from(this.memory.buffer)
      this.view = new DataView(this.memory.buffer)
    }
    return this.bytes
  }
}

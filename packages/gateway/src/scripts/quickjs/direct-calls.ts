import type { QuickJSContext } from 'quickjs-emscripten-core'
import type { HostValue } from '../perform.ts'

/** Where a value is in the memory of QuickJS. */
export type Pointer = number

/** What the library has inside, and this goes past it for. */
interface Internals {
  readonly ffi: {
    QTS_ArgvGetJSValueConstPointer(argv: Pointer, index: number): Pointer
    QTS_GetFloat64(context: Pointer, value: Pointer): number
    QTS_GetString(context: Pointer, value: Pointer): Pointer
    QTS_FreeCString(context: Pointer, text: Pointer): void
    QTS_GetArrayBufferLength(context: Pointer, value: Pointer): number
    QTS_GetArrayBuffer(context: Pointer, value: Pointer): Pointer
    QTS_NewString(context: Pointer, text: Pointer): Pointer
    QTS_NewFloat64(context: Pointer, value: number): Pointer
    QTS_Throw(context: Pointer, error: Pointer): Pointer
    QTS_DupValuePointer(context: Pointer, value: Pointer): Pointer
  }
  readonly module: {
    /** Another one each time that the memory grows. */
    readonly HEAPU8: Uint8Array
    _malloc(bytes: number): Pointer
    _free(at: Pointer): void
    UTF8ToString(at: Pointer): string
    stringToUTF8(text: string, at: Pointer, maxBytes: number): void
    lengthBytesUTF8(text: string): number
  }
  readonly ctx: { readonly value: Pointer }
  readonly cToHostCallbacks: {
    callFunction: (context: Pointer, self: Pointer, count: number, argv: Pointer, functionId: number) => Pointer
  }
}

/** Arguments of a call, read one by one; valid during the call. */
export interface CallArguments {
  readonly count: number
  number(index: number): number
  text(index: number): string
  /** A copy. */
  bytes(index: number): Uint8Array
}

/**
 * Answers calls of the one function of the host without the objects that the library makes for each value: a call costs a third. The function
 * that was registered with the library stays as what is called where its inside is another.
 * @param busy is told while a call is carried out
 * @returns whether it could
 */
export function answerDirectly(
  context: QuickJSContext,
  answer: (given: CallArguments) => HostValue,
  busy: { inHost: boolean },
): boolean {
  const { ffi, module, ctx, cToHostCallbacks } = context as unknown as Partial<Internals>
  if (ffi?.QTS_ArgvGetJSValueConstPointer === undefined || module?.stringToUTF8 === undefined || ctx === undefined)
    return false
  if (typeof cToHostCallbacks?.callFunction !== 'function') return false
  const at = ctx.value
  let argv = 0
  const given = {
    count: 0,
    bytes(index: number): Uint8Array {
      const value = ffi.QTS_ArgvGetJSValueConstPointer(argv, index)
      const length = ffi.QTS_GetArrayBufferLength(at, value)
      const found = ffi.QTS_GetArrayBuffer(at, value)
      if (found === 0) throw new TypeError('that is no buffer')
      const copy = module.HEAPU8.slice(found, found + length)
      module._free(found)
      return copy
    },
    number: (index: number): number => ffi.QTS_GetFloat64(at, ffi.QTS_ArgvGetJSValueConstPointer(argv, index)),
    text(index: number): string {
      const found = ffi.QTS_GetString(at, ffi.QTS_ArgvGetJSValueConstPointer(argv, index))
      if (found === 0) throw new RangeError('a text could not be read')
      const text = module.UTF8ToString(found)
      ffi.QTS_FreeCString(at, found)
      return text
    },
  }
  const newText = (text: string): Pointer => {
    const bytes = module.lengthBytesUTF8(text) + 1
    const copy = module._malloc(bytes)
    module.stringToUTF8(text, copy, bytes)
    const value = ffi.QTS_NewString(at, copy)
    module._free(copy)
    return value
  }
  cToHostCallbacks.callFunction = (_context, _self, count, values) => {
    argv = values
    given.count = count
    busy.inHost = true
    try {
      const value = answer(given)
      if (value === undefined) return 0
      if (typeof value === 'number') return ffi.QTS_NewFloat64(at, value)
      if (typeof value === 'string') return newText(value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value)
      const handle = context.newArrayBuffer(value as unknown as ArrayBuffer)
      const copy = ffi.QTS_DupValuePointer(at, handle.value as unknown as Pointer)
      handle.dispose()
      return copy
    } catch (error) {
      const { name, message } = error as Error
      const handle = context.newError({ name, message })
      const thrown = ffi.QTS_Throw(at, handle.value as unknown as Pointer)
      handle.dispose()
      return thrown
    } finally {
      busy.inHost = false
    }
  }
  return true
}

/** WebAssembly of the engine. Its types belong to browsers' library, which is not among ours: here is what the host uses of them. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer
}
export interface WasmGlobal {
  value: unknown
}
/** Compiled; instances share it. */
export type WasmModule = object & { readonly wasmModule?: never }
export type WasmImports = Record<string, Readonly<Record<string, unknown>>>

interface Engine {
  validate(binary: Uint8Array): boolean
  readonly Module: {
    new (binary: Uint8Array): WasmModule
    imports(module: WasmModule): readonly { readonly module: string; readonly name: string }[]
    exports(module: WasmModule): readonly { readonly name: string; readonly kind: string }[]
  }
  readonly Instance: new (
    module: WasmModule,
    imports: WasmImports,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  readonly CompileError: new () => Error
}

export const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly

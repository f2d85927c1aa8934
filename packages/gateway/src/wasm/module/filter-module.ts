import { createHash } from 'node:crypto'
import { ABI_MARKERS } from '../abi.ts'
import { ModuleRefused } from './binary-reader.ts'
import { engine, type WasmModule } from './engine.ts'
import { boundedModule, type ModuleBounds } from './bounded-module.ts'

/** Bytes of a module: those of Rust have some 100 KiB, those of Go and C++ up to a few MiB. */
export const MAX_MODULE_BYTES = 33_554_432

/** A module that was found to be a filter: compiled, bounded, its imports known. */
export interface FilterModule {
  /** SHA-256 of the binary as it was given, hexadecimal. */
  readonly sha256: string
  readonly module: WasmModule
  /** Functions that it exports. */
  readonly functions: ReadonlySet<string>
  readonly bounds: ModuleBounds
}

/** @returns the module, or why it is none, for people */
export function filterModule(
  binary: Uint8Array,
  bounds: ModuleBounds,
  hostFunctions: (from: string) => ReadonlySet<string> | undefined,
): FilterModule | string {
  if (binary.length > MAX_MODULE_BYTES) return `the module has more than ${MAX_MODULE_BYTES} bytes`
  if (!isWasm(binary)) return 'that is no WebAssembly module: it does not begin with "\\0asm"'
  try {
    const module = new engine.Module(boundedModule(checked(binary), bounds))
    const exported = engine.Module.exports(module)
    const functions = new Set(exported.filter(({ kind }) => kind === 'function').map(({ name }) => name))
    const problem =
      importProblem(module, hostFunctions) ??
      exportProblem(functions, new Set(exported.filter(({ kind }) => kind === 'memory').map(({ name }) => name)))
    return problem ?? { sha256: sha256Of(binary), module, functions, bounds }
  } catch (error) {
    if (error instanceof ModuleRefused) return error.message
    if (error instanceof engine.CompileError) return `the module is not valid: ${error.message}`
    throw error
  }
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const isWasm = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(0, 4)).toString('latin1') === '\0asm'

/** Compiling it tells what is wrong with it, which `validate` does not. */
function checked(binary: Uint8Array): Uint8Array {
  if (!engine.validate(binary)) new engine.Module(binary)
  return binary
}

function importProblem(
  module: WasmModule,
  hostFunctions: (from: string) => ReadonlySet<string> | undefined,
): string | undefined {
  for (const { module: from, name } of engine.Module.imports(module)) {
    if (hostFunctions(from)?.has(name) !== true) {
      return `the module imports "${from}.${name}", which is neither of proxy-wasm (ABI 0.2.1) nor of the part of WASI that filters have`
    }
  }
  return undefined
}

function exportProblem(functions: ReadonlySet<string>, memories: ReadonlySet<string>): string | undefined {
  if (!memories.has('memory')) return 'the module does not export its memory as "memory"'
  if (!ABI_MARKERS.some((name) => functions.has(name)))
    return `the module is no proxy-wasm filter: it exports none of ${ABI_MARKERS.join(', ')}`
  if (!functions.has('proxy_on_context_create')) return 'the module does not export proxy_on_context_create'
  if (!functions.has('proxy_on_memory_allocate') && !functions.has('malloc'))
    return 'the module exports neither proxy_on_memory_allocate nor malloc'
  return undefined
}

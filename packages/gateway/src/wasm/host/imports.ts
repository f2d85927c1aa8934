import { engine, type WasmImports, type WasmModule } from '../module/engine.ts'
import type { Vm } from '../vm.ts'
import { bufferCalls } from './buffers.ts'
import { callCalls } from './calls.ts'
import { fieldCalls } from './fields.ts'
import { metricCalls } from './metrics.ts'
import { propertyCalls } from './properties.ts'
import { sharedCalls } from './shared.ts'
import { streamCalls } from './stream.ts'
import { systemCalls } from './system.ts'
import { wasiCalls } from './wasi.ts'

/** A function of the host. Numbers are 32 bits and may come as signed; 64 bits are a bigint. */
// Each has numbers of its own; WebAssembly itself sees to it that a guest gives them.
export type HostFunction = (...values: never[]) => number | void
export type HostFunctions = Readonly<Record<string, HostFunction>>

/** All functions of `env`: the ABI's. */
const envCalls = (vm: Vm): HostFunctions => ({
  ...bufferCalls(vm),
  ...callCalls(vm),
  ...fieldCalls(vm),
  ...metricCalls(vm),
  ...propertyCalls(vm),
  ...sharedCalls(vm),
  ...streamCalls(vm),
  ...systemCalls(vm),
})

const SOURCES: Readonly<Record<string, (vm: Vm) => HostFunctions>> = {
  env: envCalls,
  wasi_snapshot_preview1: wasiCalls,
  // Its name before it was settled; what filters use of it is the same.
  wasi_unstable: wasiCalls,
}

const names = new Map<string, ReadonlySet<string>>()

/** The names of the functions that modules may import from a module; undefined for one that is not there. */
export function hostFunctionNames(from: string): ReadonlySet<string> | undefined {
  if (!Object.hasOwn(SOURCES, from)) return undefined
  let known = names.get(from)
  // Nothing is called, so there need be no machine.
  if (known === undefined) names.set(from, (known = new Set(Object.keys(SOURCES[from](undefined as unknown as Vm)))))
  return known
}

/** What an instance of this module imports. */
export function hostImports(vm: Vm, module: WasmModule): WasmImports {
  const imports: WasmImports = {}
  for (const { module: from } of engine.Module.imports(module)) imports[from] ??= SOURCES[from](vm)
  return imports
}

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { EmscriptenModule, QuickJSSyncVariant, QuickJSWASMModule } from 'quickjs-emscripten-core'
import { boundedModule, FUEL_EXPORT } from '../../wasm/module/bounded-module.ts'
import { emptyImport } from '../../wasm/module/empty-import.ts'
import { engine, type WasmGlobal, type WasmImports } from '../../wasm/module/engine.ts'
import { SANDBOX_PACKAGES } from '../source-text.ts'
import { CappedMemory } from './capped-memory.ts'

/** QuickJS in a memory of its own. */
export interface Machine {
  readonly quickjs: QuickJSWASMModule
  readonly memory: CappedMemory
  /** Counts down while it runs. */
  readonly fuel: WasmGlobal
  /** Called when that is below 0: sets it anew, or throws, and the machine is lost then. */
  onEmpty: () => void
}

/** What is loaded once in a thread: makes machines. */
export type MachineFactory = () => Promise<Machine>

/** Rejects with what to install. */
export async function loadQuickJs(): Promise<MachineFactory> {
  const [core, variant] = await imported()
  const binary = readFileSync(createRequire(import.meta.url).resolve(`${SANDBOX_PACKAGES[1]}/wasm`))
  const hook = emptyImport(binary)
  if (hook === undefined) throw new Error('this build of QuickJS cannot be bounded in time')
  // Its own handler is asked between steps of JavaScript alone, not within built-in functions; and its own limit of memory does not count.
  const module = new engine.Module(
    boundedModule(binary, { maxPages: 0, importsMemory: true, metered: true, onEmpty: hook.index }),
  )
  const load = await variant.importModuleLoader()
  const start = ('default' in load ? load.default : load) as (options: object) => Promise<EmscriptenModule>

  return async () => {
    const memory = new CappedMemory()
    const machine: { fuel: WasmGlobal | undefined; onEmpty: () => void } = { fuel: undefined, onEmpty: () => undefined }
    const instantiateWasm = (imports: WasmImports, ready: (instance: object, module: object) => void): object => {
      const original = imports[hook.module]?.[hook.name] as () => void
      const onEmpty = (): void => {
        if (machine.fuel !== undefined && (machine.fuel.value as number) < 0) machine.onEmpty()
        else original()
      }
      const bounded = { ...imports, [hook.module]: { ...imports[hook.module], [hook.name]: onEmpty } }
      const instance = new engine.Instance(module, bounded)
      machine.fuel = instance.exports[FUEL_EXPORT] as WasmGlobal
      ready(instance, module)
      return instance.exports
    }
    const quiet = (): void => undefined
    const own: QuickJSSyncVariant = {
      type: 'sync',
      importFFI: () => variant.importFFI(),
      importModuleLoader: () =>
        Promise.resolve(async (options?: object) => {
          const wasmMemory = memory.memory
          const loaded = await start({ ...options, wasmMemory, instantiateWasm, print: quiet, printErr: quiet })
          memory.attach(loaded)
          return loaded as never
        }),
    }
    const quickjs = await core.newQuickJSWASMModuleFromVariant(own)
    return Object.assign(machine, { quickjs, memory }) as Machine
  }
}

async function imported(): Promise<[typeof import('quickjs-emscripten-core'), QuickJSSyncVariant]> {
  try {
    const [core, build] = await Promise.all([
      import('quickjs-emscripten-core'),
      import('@jitl/quickjs-wasmfile-release-sync'),
    ])
    return [core, build.default as unknown as QuickJSSyncVariant]
  } catch (error) {
    throw new Error(
      `the sandbox of functions needs libraries that are not installed: npm install ${SANDBOX_PACKAGES.join(' ')}`,
      {
        cause: error,
      },
    )
  }
}

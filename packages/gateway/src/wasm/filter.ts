import type { PluginContext } from '../plugins/context.ts'
import type { ConfigProblem, PluginHooks } from '../plugins/definition.ts'
import type { LogLevel } from './abi.ts'
import { configurationBytes, type FilterConfig, moduleBytes } from './filter-config.ts'
import { HttpCalls, type GuestCalls } from './http-calls.ts'
import { filterHooks } from './http-filter.ts'
import { hostFunctionNames } from './host/imports.ts'
import { GuestLog } from './guest-log.ts'
import { PAGE_BYTES } from './module/bounded-module.ts'
import { filterModule, type FilterModule, sha256Of } from './module/filter-module.ts'
import { PluginRoot } from './plugin-root.ts'
import { RootContext, type RootSettings } from './root-context.ts'
import { storedProblem } from '../scripts/trusted-scripts.ts'
import { makeServices, wasmServices } from './services.ts'
import { Vm } from './vm.ts'
import { SharedVm } from './vm-pool.ts'
import { VmFailure } from './vm-failure.ts'

/**
 * What is wrong with a filter: its module is looked at, and it is started and configured once on trial, without log, metrics and calls. Each
 * configuration is tried once in a thread.
 */
export function filterProblem(config: FilterConfig): ConfigProblem | undefined {
  const message =
    config.max_fuel === 0 ? storedProblem('is 0, with which a filter can stop a worker', 'write a number') : undefined
  if (message !== undefined) return { path: '/max_fuel', message }
  const bytes = moduleBytes(config)
  if (!Buffer.isBuffer(bytes)) return bytes
  const sha256 = sha256Of(bytes)
  if (config.sha256 !== undefined && config.sha256 !== sha256)
    return { path: '/sha256', message: `is not that of the module, which is ${sha256}` }
  const key = `${sha256} ${JSON.stringify({ ...config, code: undefined })}`
  if (tried.has(key)) return tried.get(key)
  if (tried.size >= MAX_TRIED) tried.clear()
  const problem = trial(config, bytes)
  tried.set(key, problem)
  return problem
}

const MAX_TRIED = 1_000
/** Of a filter whose turns are not counted when it runs: a tenth of a second or so, ten times that for its start. */
const TRIAL_FUEL = 50_000_000
const tried = new Map<string, ConfigProblem | undefined>()

function trial(config: FilterConfig, bytes: Buffer): ConfigProblem | undefined {
  const at = config.code === undefined ? '/path' : '/code'
  const module = compiled(config, bytes)
  if (typeof module === 'string') return { path: at, message: module }
  // An endless loop must not stop the thread that reads configurations, whatever its filter is allowed to do later.
  const bounded = config.max_fuel > 0 ? module : compiled({ ...config, max_fuel: TRIAL_FUEL }, bytes)
  if (typeof bounded === 'string') return undefined
  const quiet = (): void => undefined
  try {
    const vm = new Vm(bounded, { fuel: config.max_fuel || TRIAL_FUEL, services: makeServices(undefined), log: quiet })
    const silent: GuestCalls = { send: () => 'ok' }
    new RootContext(vm, { ...settingsOf('wasm', config, silent, quiet), onFailure: quiet }).close()
    return undefined
  } catch (error) {
    if (!(error instanceof VmFailure)) throw error
    return { path: /refuses its configuration/.test(error.message) ? '/conf' : at, message: error.message }
  }
}

/** @param name of the plugin, for the log and the property `plugin_name` */
export function createFilter(name: string, config: FilterConfig, context: PluginContext): PluginHooks {
  const bytes = moduleBytes(config)
  if (!Buffer.isBuffer(bytes)) throw new Error(`${name}: ${bytes.path.slice(1)} ${bytes.message}`)
  const log = new GuestLog(name, context.scope, context.logger)
  const services = wasmServices(context.counters, context.metrics)
  const sha256 = sha256Of(bytes)
  const key = [
    sha256,
    config.vm_id,
    config.max_memory,
    config.max_fuel,
    configurationBytes(config.vm_configuration),
  ].join(' ')
  const shared = services.vms.take(key, () => {
    const module = compiled(config, bytes)
    if (typeof module === 'string') throw new Error(`${name}: ${module}`)
    const line = (level: LogLevel, message: string): void => log.line(level, message)
    return new SharedVm(module, { fuel: config.max_fuel, services, log: line })
  })
  const root: PluginRoot = new PluginRoot(shared, {
    ...settingsOf(name, config, new HttpCalls(config.upstreams, context), (level, message) => log.line(level, message)),
    onFailure: (failure) => log.failed(failure, config.fail_policy),
  })
  return filterHooks(
    root,
    {
      phase: config.http_request_phase,
      failsOpen: config.fail_policy === 'open',
      requestBody: config.request_body,
      responseBody: config.response_body,
      maxRequestBody: config.max_req_body_size,
      maxResponseBody: config.max_resp_body_size,
      maxPauseMs: config.max_pause * 1_000,
    },
    () => {
      root.close()
      services.vms.giveBack(key, shared)
    },
  )
}

const compiled = (config: FilterConfig, bytes: Buffer): FilterModule | string =>
  filterModule(
    bytes,
    { maxPages: Math.floor(config.max_memory / PAGE_BYTES), metered: config.max_fuel > 0 },
    hostFunctionNames,
  )

const settingsOf = (
  name: string,
  config: FilterConfig,
  calls: GuestCalls,
  log: (level: LogLevel, message: string) => void,
): Omit<RootSettings, 'onFailure'> => ({
  name,
  rootId: config.root_id,
  vmId: config.vm_id,
  vmConfiguration: configurationBytes(config.vm_configuration),
  configuration: configurationBytes(config.conf),
  calls,
  log,
})

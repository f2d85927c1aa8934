// `@sekisho/gateway/testing`: plugins and configurations in tests.
export type { Answer } from './answer.ts'
export { loadPlugin } from './load-plugin.ts'
export {
  type GatewayOptions,
  MemoryGateway,
  type MemoryGatewayOptions,
  openGateway,
  type Run,
} from './memory-gateway.ts'
export {
  mountPlugin,
  type MountOptions,
  type PluginRequest,
  PluginUnderTest,
  runPlugin,
  type RunOptions,
  type WrittenConfig,
} from './run-plugin.ts'
export { startGateway, type StartedGateway } from './start-gateway.ts'
export { startUpstream, type UpstreamServer } from './start-upstream.ts'
export { TestClock } from './test-clock.ts'
export type { MemoryRequestOptions, RequestOptions } from './test-request.ts'
export { echo, type Upstream, type UpstreamAnswer, type UpstreamRequest } from './upstream.ts'
export type { AnyPlugin, LogLine } from './worker-under-test.ts'

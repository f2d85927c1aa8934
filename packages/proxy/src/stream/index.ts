export type { StreamPhases, StreamPlan } from './phases.ts'
export { StreamProxy, type StreamProxyOptions, type StreamServeOptions } from './stream-proxy.ts'
export type { StreamClient, StreamSession } from './stream-session.ts'

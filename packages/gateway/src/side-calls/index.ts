export { basicAuthorization } from './basic-authorization.ts'
export { closeIdleConnections } from './connections.ts'
export {
  DEFAULT_MAX_ANSWER_BYTES,
  DEFAULT_MAX_IN_FLIGHT,
  ServiceAnswer,
  ServiceClient,
  ServiceFailure,
  type ServiceOptions,
  type ServiceRequest,
} from './service-client.ts'
export { ServiceHealth } from './service-health.ts'
export { CallCounts, type CallOutcome } from './service-metrics.ts'
export { sideCall, SideFailure, type SideAnswer, type SideFailureKind, type SideLimits } from './side-call.ts'

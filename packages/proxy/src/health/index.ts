export { ActiveChecks, type ActiveCheckOptions } from './active-checks.ts'
export { grpcProbe, type GrpcProbeOptions } from './grpc-probe.ts'
export { HealthBoard, type HealthBoardData } from './health-board.ts'
export { HealthChecks, type HealthCheckOptions } from './health-checks.ts'
export { httpProbe, type HttpProbeOptions } from './http-probe.ts'
export { NodeHealth, type FailureKind, type HealthCounters, type HealthStatus } from './node-health.ts'
export { OutlierCounts } from './outlier-counts.ts'
export { OutlierDetector, type Ejection, type OutlierSweep } from './outlier-detector.ts'
export type {
  FailurePercentageSettings,
  OutlierReason,
  OutlierSettings,
  SuccessRateSettings,
} from './outlier-settings.ts'
export type { Probe, ProbeAddress, ProbeResult } from './probe.ts'
export { ProbeGate } from './probe-gate.ts'
export { resolvedProbe } from './resolved-probe.ts'
export { Resolver } from '../peers/resolver.ts'
export { tcpProbe } from './tcp-probe.ts'

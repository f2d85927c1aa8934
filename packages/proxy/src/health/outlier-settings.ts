/** Outlier detection of one upstream: nodes that do clearly worse than they should are ejected for a time. Terms and defaults are Envoy's. */
export interface OutlierSettings {
  /** 5xx answers in a row; failed connections count, too, unless `consecutiveLocalOriginFailure` is on. 0 = off. */
  readonly consecutive5xx: number
  /** 502, 503 and 504 in a row. 0 = off. */
  readonly consecutiveGatewayFailure: number
  /** Connections that fail or get no answer, in a row. 0 = off: they count as 5xx and gateway failures. */
  readonly consecutiveLocalOriginFailure: number
  /** Between two looks at the rates, and at who may come back. */
  readonly intervalMs: number
  /** The first ejection takes so long, the second in a row twice as long, … */
  readonly baseEjectionTimeMs: number
  readonly maxEjectionTimeMs: number
  /** Of all nodes, at most so many percent are ejected at a time; one may always be. */
  readonly maxEjectionPercent: number
  readonly successRate: SuccessRateSettings | undefined
  readonly failurePercentage: FailurePercentageSettings | undefined
}

/** A node whose share of successes is below the mean of all by so many standard deviations. */
export interface SuccessRateSettings {
  /** Fewer nodes with enough requests say nothing about a mean. */
  readonly minimumHosts: number
  /** Requests in an interval, below which a node is left out. */
  readonly requestVolume: number
  /** 1.9, say. */
  readonly stdevFactor: number
}

/** A node of whose requests so many percent failed. */
export interface FailurePercentageSettings {
  readonly threshold: number
  readonly minimumHosts: number
  readonly requestVolume: number
}

/** Why a node is ejected; the names are those of the settings. */
export type OutlierReason =
  | 'consecutive_5xx'
  | 'consecutive_gateway_failure'
  | 'consecutive_local_origin_failure'
  | 'success_rate'
  | 'failure_percentage'

import type { SandboxLaunch, SandboxPaths } from '../drivers/driver.ts'

/** What a runtime needs besides the function: found once per function version, used by each of its environments. */
export interface RuntimeLaunchPlan {
  /** Host folder with the runtime's own files, seen as /var/runtime; undefined for `provided`. */
  readonly runtimeDirectory: string | undefined
  /** Host path of the interpreter; undefined for `provided`. */
  readonly interpreter: string | undefined
  /** What runs, given the paths inside and what differs by environment. */
  readonly launch: (paths: SandboxPaths, environment: EnvironmentFacts) => SandboxLaunch
}

/** What AWS_LAMBDA_* say of one environment. */
export interface EnvironmentFacts {
  /** `host:port` */
  readonly runtimeApi: string
  readonly region: string
  readonly initializationType: 'on-demand' | 'provisioned-concurrency'
  /** `2026/11/20/[$LATEST]<32 hex digits>` */
  readonly logStream: string
  /** Credentials that the function may use; undefined: dummies, as SDKs insist on some. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string | undefined }
    | undefined
}

/** Why a function cannot run here. */
export interface RuntimeProblem {
  /** `Runtime.InvalidEntrypoint`: what the caller of the function gets as `errorType`. */
  readonly errorType: string
  /** Without `RequestId: … Error: `. */
  readonly message: string
}

import type { GrpcPolicy } from '../../resources/grpc.ts'
import type { Findings } from '../problem.ts'

/** A default above what is allowed at most would never hold. */
export function checkGrpcPolicy(findings: Findings, policy: GrpcPolicy, path: string): void {
  const { default_timeout: byDefault, max_timeout: max } = policy
  if (byDefault === undefined || max === undefined || byDefault <= max) return
  findings.add({
    path: `${path}/default_timeout`,
    value: String(byDefault),
    message: `is more than "max_timeout", which is ${max}`,
    remedy: `write ${max} or less`,
  })
}

import type { Upstream } from '../../resources/upstream.ts'
import { type Findings, shortValue } from '../problem.ts'

const PATH = /^\/[\x21-\x7e]*$/
const FIELD = /^[!#$%&'*+.^`|~\w-]+:[\t\x20-\x7e\x80-\xff]*$/

/** What the schema cannot say of health checks, outlier detection and slow start. */
export function checkHealth(findings: Findings, upstream: Upstream, path: string): void {
  const { checks, slow_start: slowStart, type, outlier_detection: outliers } = upstream
  if (checks !== undefined) checkActive(findings, checks.active, `${path}/checks/active`)
  if (slowStart !== undefined && type === 'chash') {
    findings.add({
      path: `${path}/slow_start`,
      atKey: true,
      message: 'has no meaning for "chash": the key of a request decides where it goes',
      remedy: 'remove it, or choose another "type"',
    })
  }
  const { base_ejection_time: base = 30, max_ejection_time: most } = outliers ?? {}
  if (most !== undefined && most < base) {
    findings.add({
      path: `${path}/outlier_detection/max_ejection_time`,
      value: String(most),
      message: `is less than "base_ejection_time", which is ${base}`,
      remedy: `write ${base} or more`,
    })
  }
}

function checkActive(findings: Findings, active: NonNullable<Upstream['checks']>['active'], path: string): void {
  const { type = 'http', http_path: target, req_headers: fields = [], grpc_service_name: service } = active
  if (target !== undefined && !PATH.test(target)) {
    findings.add({
      path: `${path}/http_path`,
      value: shortValue(target),
      message: 'is not a path as it goes on the wire',
      remedy: 'begin with "/", and write other characters than those of ASCII, and spaces, as %XX',
    })
  }
  for (const [index, field] of fields.entries()) {
    if (FIELD.test(field)) continue
    findings.add({
      path: `${path}/req_headers/${index}`,
      value: shortValue(field),
      message: 'is not a header',
      remedy: 'write "NAME: VALUE"',
    })
  }
  // Within a plugin's configuration defaults are filled in: the empty name of all services.
  if (service !== undefined && service !== '' && type !== 'grpc') {
    findings.add({
      path: `${path}/grpc_service_name`,
      atKey: true,
      message: `has no meaning for checks by "${type}"`,
      remedy: 'add "type: grpc", or remove it',
    })
  }
}

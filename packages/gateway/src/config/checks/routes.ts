import { parseCidr } from '../../addresses/index.ts'
import { compileFilterFunction } from '../../expressions/index.ts'
import type { Route } from '../../resources/route.ts'
import { parsePattern } from '../../router/pattern.ts'
import { storedProblem } from '../../scripts/trusted-scripts.ts'
import { type Findings, shortValue } from '../problem.ts'
import { checkExpression } from './expressions.ts'
import { checkRetry } from './overload.ts'
import { reasonOf } from './reason.ts'

/** Runs one of the parsers that the gateway compiles with; what it throws becomes a finding. */
function attempt(findings: Findings, path: string, value: string, parse: (value: string) => unknown): void {
  try {
    parse(value)
  } catch (error) {
    findings.add({ path, value: shortValue(value), ...reasonOf(error, value) })
  }
}

/** What a route matches by must compile: paths, addresses, `vars` and `filter_func`. */
export function checkRoute(findings: Findings, route: Route, path: string): void {
  const { uri, uris, remote_addr, remote_addrs, vars, filter_func, retry } = route
  if (retry !== undefined) checkRetry(findings, retry, `${path}/retry`)
  if (uri !== undefined) attempt(findings, `${path}/uri`, uri, parsePattern)
  uris?.forEach((one, index) => attempt(findings, `${path}/uris/${index}`, one, parsePattern))
  if (remote_addr !== undefined) attempt(findings, `${path}/remote_addr`, remote_addr, parseAddress)
  remote_addrs?.forEach((one, index) => attempt(findings, `${path}/remote_addrs/${index}`, one, parseAddress))
  if (vars !== undefined) checkExpression(findings, vars, `${path}/vars`)
  if (filter_func !== undefined) checkFilterFunction(findings, filter_func, `${path}/filter_func`)
}

function checkFilterFunction(findings: Findings, text: string, path: string): void {
  const problem = storedProblem('runs with all rights of the gateway', 'say it in "vars"')
  // Not even compiled: that evaluates it.
  if (problem !== undefined) findings.add({ path, value: shortValue(text), ...reasonOf(problem) })
  else attempt(findings, path, text, (source) => compileFilterFunction(source))
}

const parseAddress = (text: string): unknown => parseCidr(text)

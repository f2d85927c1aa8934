import type { InvocationFigures } from '../engine/invocation.ts'
import type { Outcome } from './outcome.ts'
import { runtimeVersionArn } from './runtime-version.ts'
import type { PlatformLog } from './platform-log.ts'
import { sampledSegment } from './trace-header.ts'

/** Lines as AWS writes them with the log format Text: fields are parted by tabs, and REPORT ends with one unless it has a status. */
export const textPlatformLog: PlatformLog = {
  initStart: (facts) =>
    facts.runtimeVersion === undefined
      ? undefined
      : `INIT_START Runtime Version: ${facts.runtimeVersion}\tRuntime Version ARN: ${runtimeVersionArn(facts.runtimeVersion)}`,

  initRuntimeDone: () => undefined,

  // AWS writes it only for an init that went wrong, or that was done over inside an invocation; else REPORT has the init's duration.
  initReport: (facts, initMs, outcome) =>
    outcome.status === 'success' && facts.phase === 'init' && facts.initializationType === 'on-demand'
      ? undefined
      : `INIT_REPORT Init Duration: ${initMs.toFixed(2)} ms\tPhase: ${facts.phase}${status(outcome, true)}`,

  start: (requestId, version) => `START RequestId: ${requestId} Version: ${version}`,

  problem: (requestId, message, outcome, timeMs) =>
    outcome.status === 'timeout'
      ? `${new Date(timeMs).toISOString()} ${requestId} ${message}`
      : outcome.status === 'error'
        ? `RequestId: ${requestId} Error: ${message}\n${exitErrorType(outcome.errorType)}`
        : undefined,

  end: (requestId) => `END RequestId: ${requestId}`,

  report: (requestId, figures, outcome, traceHeader) => reportLine(requestId, figures, outcome, traceHeader),
}

function reportLine(
  requestId: string,
  figures: InvocationFigures,
  outcome: Outcome,
  traceHeader: string | undefined,
): string {
  const init = figures.initMs === undefined ? '' : `\tInit Duration: ${figures.initMs.toFixed(2)} ms`
  const failed = status(outcome, false)
  const line =
    `REPORT RequestId: ${requestId}\tDuration: ${figures.durationMs.toFixed(2)} ms\tBilled Duration: ${figures.billedMs} ms` +
    `\tMemory Size: ${figures.memoryMb} MB\tMax Memory Used: ${figures.maxMemoryMb} MB${init}${failed === '' ? '\t' : failed}`
  const segment = sampledSegment(traceHeader)
  return segment === undefined
    ? line
    : `${line}\nXRAY TraceId: ${segment.traceId}\tSegmentId: ${segment.segmentId}\tSampled: true`
}

function status(outcome: Outcome, ofInit: boolean): string {
  if (outcome.status === 'timeout') return '\tStatus: timeout'
  if (outcome.status === 'error') return `\tStatus: error\tError Type: ${outcome.errorType}`
  return ofInit && outcome.status === 'failure' ? `\tStatus: error\tError Type: ${outcome.errorType}` : ''
}

// The caller and this line get AWS's word for a process that was killed; REPORT says that it was for its memory.
const exitErrorType = (errorType: string): string =>
  errorType === 'Runtime.OutOfMemory' ? 'Runtime.ExitError' : errorType

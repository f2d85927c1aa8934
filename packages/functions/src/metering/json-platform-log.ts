import type { Outcome } from './outcome.ts'
import type { InitFacts, PlatformLog } from './platform-log.ts'
import { runtimeVersionArn } from './runtime-version.ts'
import { sampledSegment } from './trace-header.ts'

type SystemLevel = 'DEBUG' | 'INFO' | 'WARN'

const SEVERITY: Readonly<Record<SystemLevel, number>> = { DEBUG: 0, INFO: 1, WARN: 2 }

/**
 * Events of the Telemetry API's schema, as AWS writes them with the log format JSON. Which level an event has is AWS's table ("system log level
 * event mapping"): DEBUG for what merely tells a phase's end, INFO for start and report, WARN for each of them that did not go well.
 *
 * @param level DEBUG, INFO (also when undefined) or WARN
 */
export function jsonPlatformLog(level: string | undefined): PlatformLog {
  const least = SEVERITY[(level ?? 'INFO') as SystemLevel] ?? SEVERITY.INFO

  const event = (
    type: string,
    severity: SystemLevel,
    timeMs: number,
    record: Record<string, unknown>,
  ): string | undefined =>
    SEVERITY[severity] < least
      ? undefined
      : JSON.stringify({ time: new Date(timeMs).toISOString(), type: `platform.${type}`, record })

  return {
    initStart: (facts, timeMs) =>
      event('initStart', 'INFO', timeMs, {
        ...initRecord(facts),
        ...(facts.runtimeVersion === undefined
          ? {}
          : { runtimeVersion: facts.runtimeVersion, runtimeVersionArn: runtimeVersionArn(facts.runtimeVersion) }),
        functionName: facts.functionName,
        functionVersion: facts.functionVersion,
      }),

    initRuntimeDone: (facts, outcome, timeMs) =>
      event('initRuntimeDone', worse(outcome, 'DEBUG'), timeMs, { ...initRecord(facts), ...statusRecord(outcome) }),

    initReport: (facts, initMs, outcome, timeMs) =>
      event('initReport', worse(outcome, facts.initializationType === 'on-demand' ? 'DEBUG' : 'INFO'), timeMs, {
        ...initRecord(facts),
        ...statusRecord(outcome),
        metrics: { durationMs: hundredths(initMs) },
      }),

    start: (requestId, version, timeMs) => event('start', 'INFO', timeMs, { requestId, version }),

    problem: (requestId, message, outcome, timeMs) =>
      outcome.status === 'failure'
        ? undefined
        : JSON.stringify({
            timestamp: new Date(timeMs).toISOString(),
            level: 'ERROR',
            requestId,
            message,
            ...('errorType' in outcome ? { errorType: outcome.errorType } : {}),
          }),

    end: (requestId, durationMs, outcome, timeMs) =>
      event('runtimeDone', worse(outcome, 'DEBUG'), timeMs, {
        requestId,
        ...statusRecord(outcome),
        metrics: { durationMs: hundredths(durationMs) },
      }),

    report: (requestId, figures, outcome, traceHeader, timeMs) => {
      const segment = sampledSegment(traceHeader)
      return event('report', worse(outcome, 'INFO'), timeMs, {
        requestId,
        metrics: {
          durationMs: hundredths(figures.durationMs),
          billedDurationMs: figures.billedMs,
          memorySizeMB: figures.memoryMb,
          maxMemoryUsedMB: figures.maxMemoryMb,
          ...(figures.initMs === undefined ? {} : { initDurationMs: hundredths(figures.initMs) }),
        },
        ...(segment === undefined
          ? {}
          : { tracing: { spanId: segment.segmentId, type: 'X-Amzn-Trace-Id', value: traceHeader } }),
        ...statusRecord(outcome),
      })
    },
  }
}

const initRecord = (facts: InitFacts): Record<string, unknown> => ({
  initializationType: facts.initializationType,
  phase: facts.phase,
})

const statusRecord = (outcome: Outcome): Record<string, unknown> =>
  'errorType' in outcome ? { status: outcome.status, errorType: outcome.errorType } : { status: outcome.status }

const worse = (outcome: Outcome, well: SystemLevel): SystemLevel => (outcome.status === 'success' ? well : 'WARN')

const hundredths = (ms: number): number => Math.round(ms * 100) / 100

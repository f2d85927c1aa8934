import type { SandboxExit } from '../drivers/driver.ts'
import type { Outcome } from '../metering/outcome.ts'
import type { RuntimeFailure } from '../runtime-api/runtime-api-listener.ts'

/** An invocation that did not go well: what the caller is told, what the log says. */
export interface FunctionFailure {
  /** As in the caller's payload. */
  readonly errorType: string
  /** JSON for the caller. */
  readonly payload: Buffer
  readonly outcome: Outcome
  /** For the log: what the platform found; undefined when the function has said it itself. */
  readonly message: string | undefined
}

/** Sentences as AWS words them (reference, section 1); the names of signals are those of Go's `os/exec`, which AWS's agent is written in. */
export function exitFailure(requestId: string, exit: SandboxExit): FunctionFailure {
  if (exit.failure !== undefined) return platformFailure(requestId, 'Runtime.InvalidEntrypoint', exit.failure)
  const message = exitMessage(exit)
  const failure = platformFailure(requestId, 'Runtime.ExitError', message)
  return exit.outOfMemory ? { ...failure, outcome: { status: 'error', errorType: 'Runtime.OutOfMemory' } } : failure
}

export function exitMessage(exit: SandboxExit): string {
  if (exit.outOfMemory) return 'Runtime exited with error: signal: killed'
  if (exit.signal !== undefined) return `Runtime exited with error: signal: ${SIGNAL_NAMES[exit.signal] ?? exit.signal}`
  if (exit.status === undefined || exit.status === 0) return 'Runtime exited without providing a reason'
  return `Runtime exited with error: exit status ${exit.status}`
}

export function timeoutFailure(requestId: string, timeoutMs: number): FunctionFailure {
  const message = `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`
  return { ...platformFailure(requestId, 'Sandbox.Timedout', message), outcome: { status: 'timeout' } }
}

export function platformFailure(requestId: string, errorType: string, message: string): FunctionFailure {
  return {
    errorType,
    payload: Buffer.from(JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` })),
    outcome: { status: 'error', errorType },
    message,
  }
}

/** The function's own words, unchanged. */
export const reportedFailure = ({ type, body }: RuntimeFailure): FunctionFailure => ({
  errorType: type,
  payload: body,
  outcome: { status: 'failure', errorType: type },
  message: undefined,
})

/** Init failed, and the runtime said why: the caller gets that. */
export const initErrorFailure = ({ type, body }: RuntimeFailure): FunctionFailure => ({
  errorType: type,
  payload: body,
  outcome: { status: 'error', errorType: type },
  message: undefined,
})

export function responseTooLarge(limit: number): FunctionFailure {
  const errorType = 'Function.ResponseSizeTooLarge'
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${limit} bytes).`
  return {
    errorType,
    payload: Buffer.from(JSON.stringify({ errorMessage, errorType })),
    outcome: { status: 'error', errorType },
    message: undefined,
  }
}

const SIGNAL_NAMES: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGABRT: 'aborted',
  SIGALRM: 'alarm clock',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGHUP: 'hangup',
  SIGILL: 'illegal instruction',
  SIGINT: 'interrupt',
  SIGKILL: 'killed',
  SIGPIPE: 'broken pipe',
  SIGQUIT: 'quit',
  SIGSEGV: 'segmentation fault',
  SIGSYS: 'bad system call',
  SIGTERM: 'terminated',
  SIGTRAP: 'trace/breakpoint trap',
  SIGUSR1: 'user defined signal 1',
  SIGUSR2: 'user defined signal 2',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'file size limit exceeded',
}

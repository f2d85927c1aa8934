import { randomUUID } from 'node:crypto'

export const newRequestId = (): string => randomUUID()

/**
 * The trace header of an invocation: the caller's if it names a root, else one that is made from the request's id.
 * @returns `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0`
 */
export function traceIdOf(header: string | undefined, requestId: string): string {
  if (header !== undefined && header.length <= MAX_TRACE_LENGTH && header.includes('Root=')) return header
  const hex = requestId.replaceAll('-', '')
  const seconds = Math.floor(Date.now() / 1000).toString(16)
  return `Root=1-${seconds}-${hex.slice(0, 24)};Parent=${hex.slice(16)};Sampled=0`
}

const MAX_TRACE_LENGTH = 512

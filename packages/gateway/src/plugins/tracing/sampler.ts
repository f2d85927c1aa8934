import type { ParentContext } from './trace-parent.ts'

/** Whether a trace is recorded. */
export type Sampler = (traceId: string, parent: ParentContext | undefined) => boolean

export interface SamplerConfig {
  readonly name: 'always_on' | 'always_off' | 'trace_id_ratio' | 'parent_base'
  readonly options: {
    readonly fraction: number
    readonly root: {
      readonly name: 'always_on' | 'always_off' | 'trace_id_ratio'
      readonly options: { readonly fraction: number }
    }
  }
}

export function samplerOf({ name, options }: SamplerConfig): Sampler {
  switch (name) {
    case 'always_on':
      return () => true
    case 'always_off':
      return () => false
    case 'trace_id_ratio':
      return ratioSampler(options.fraction)
    case 'parent_base': {
      const { root } = options
      const ofRoot = samplerOf({ name: root.name, options: { fraction: root.options.fraction, root } })
      return (traceId, parent) => (parent === undefined ? ofRoot(traceId, undefined) : parent.sampled)
    }
  }
}

/** W3C Trace Context Level 2 section 3.2.2.5: the last 56 bits of an identifier are random; 52 of them are as many as a number holds. */
const RANDOM_DIGITS = 13

/** The same traces for all who use the fraction: a larger fraction has those of a smaller one, and others. */
export function ratioSampler(fraction: number): Sampler {
  if (fraction >= 1) return () => true
  if (fraction <= 0) return () => false
  const from = (1 - fraction) * 16 ** RANDOM_DIGITS
  return (traceId) => Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) >= from
}

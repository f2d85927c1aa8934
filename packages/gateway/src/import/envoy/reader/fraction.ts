import type { Message } from './message.ts'

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }

/** Percent of a FractionalPercent; 0 where there is none, as in Envoy. */
export function readPercent(percent: Message | undefined): number {
  if (percent === undefined) return 0
  const denominator = DENOMINATORS[percent.enumeration('denominator') ?? 'HUNDRED'] ?? 100
  return ((percent.number('numerator') ?? 0) / denominator) * 100
}

/** Percent of a RuntimeFractionalPercent. Its runtime key could change it in Envoy, which is told. */
export function readFraction(fraction: Message | undefined): number {
  fraction?.lose('runtime_key', 'there are no runtime settings')
  return readPercent(fraction?.message('default_value'))
}

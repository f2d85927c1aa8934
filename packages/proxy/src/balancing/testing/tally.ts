import type { Backend } from '../backend.ts'
import type { LoadBalancer } from '../load-balancer.ts'

/** The addresses of that many picks in a row, `-` for none. */
export function picks(balancer: LoadBalancer, count: number, tried: readonly Backend[] = []): string[] {
  return Array.from({ length: count }, () => balancer.select('', tried)?.address ?? '-')
}

/** How often each address occurs. */
export function tally(addresses: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const address of addresses) counts[address] = (counts[address] ?? 0) + 1
  return counts
}

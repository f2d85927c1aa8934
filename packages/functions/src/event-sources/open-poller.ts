import type { StartingPosition } from './mapping-options.ts'
import type { Poller } from './poller.ts'
import type { SourceAddress } from './source-address.ts'

/** Connects to a source. Rejects with what is wrong, or which package is missing. */
export async function openPoller(
  address: SourceAddress,
  start: StartingPosition,
  node: string,
  region: string,
): Promise<Poller> {
  switch (address.kind) {
    case 'redis': {
      const { RedisStreamPoller } = await import('./redis/redis-stream-poller.ts')
      return RedisStreamPoller.open({ address, start, consumer: node, region })
    }
    case 'nats': {
      const { JetStreamPoller } = await import('./nats/jetstream-poller.ts')
      return JetStreamPoller.open({ address, start, region })
    }
    case 'kafka': {
      const { KafkaPoller } = await import('./kafka/kafka-poller.ts')
      return KafkaPoller.open({ address, start, consumer: node })
    }
  }
}

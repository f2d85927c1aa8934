import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'
import type { KafkaCredentials, KafkaOptions } from './kafka-producer.ts'

const strict = { additionalProperties: false } as const

/** A broker as APISIX writes it. */
export const KafkaBroker = <const M extends KafkaCredentials['mechanism']>(mechanisms: readonly [M, ...M[]]) =>
  Type.Object(
    {
      host: Type.String({ minLength: 1, description: 'name or address of the broker' }),
      port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'its port' }),
      sasl_config: Type.Optional(
        Type.Object(
          {
            mechanism: defaulted(Type.Enum([...mechanisms], { default: 'PLAIN', description: 'how it is shown' })),
            user: Type.String({ description: 'name of the user' }),
            password: Type.String({ description: 'their password' }),
          },
          { ...strict, description: 'who writes (SASL)' },
        ),
      ),
    },
    strict,
  )

export const producerTypeOption = defaulted(
  Type.Enum(['async', 'sync'], {
    default: 'async',
    description: 'gather messages of several batches, or send each at once',
  }),
)

export const refreshOption = defaulted(
  Type.Integer({
    minimum: 1,
    default: 30,
    description: 'seconds after which brokers are asked for partitions and leaders again',
  }),
)

export const tlsOption = Type.Optional(
  Type.Object(
    {
      verify: defaulted(
        Type.Boolean({
          default: true,
          description: 'verify the certificates of brokers, which APISIX does not without being told',
        }),
      ),
    },
    { ...strict, description: 'encrypt connections to brokers' },
  ),
)

interface Broker {
  readonly host: string
  readonly port: number
  readonly sasl_config?: { mechanism: string; user: string; password: string } | undefined
}

/** The same for the client. */
export function brokerOptions(brokers: readonly Broker[]): Pick<KafkaOptions, 'brokers' | 'credentials'> {
  const sasl = brokers[0]?.sasl_config
  return {
    brokers: brokers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
    credentials: sasl as KafkaCredentials | undefined,
  }
}

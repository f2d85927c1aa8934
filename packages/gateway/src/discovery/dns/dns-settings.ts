import { type Static, Type } from '../../schema/type.ts'

export const DNS_ORDER = ['last', 'SRV', 'A', 'AAAA'] as const

export const DnsSettings = Type.Object(
  {
    servers: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^([0-9.]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?$',
          patternErrorMessage: 'must be an IP address, as "10.0.0.2", "10.0.0.2:5353" or "[fd00::1]:53"',
        }),
        { minItems: 1, maxItems: 16, uniqueItems: true, description: 'name servers; the next one when one fails' },
      ),
    ),
    resolv_conf: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'file with name servers, search domains and options; left out, without `servers`: /etc/resolv.conf',
      }),
    ),
    order: Type.Optional(
      Type.Array(Type.Enum(DNS_ORDER, { description: '`last`: the type that had records last time' }), {
        minItems: 1,
        uniqueItems: true,
        default: [...DNS_ORDER],
        description: 'types of records, the first of which that there are is used. A and AAAA follow CNAMEs',
      }),
    ),
    timeout: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 30,
        description: 'seconds for an answer of one server; left out: that of `resolv_conf`, or 2',
      }),
    ),
  },
  { additionalProperties: false, description: 'DNS' },
)
export type DnsSettings = Static<typeof DnsSettings>

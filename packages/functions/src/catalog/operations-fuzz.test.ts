import { expect, it } from 'vitest'
import { ServiceError } from '../model/service-error.ts'
import { CatalogHarness, ROLE, type Json } from './testing/catalog-harness.ts'

const SEED = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 1e9)
const ROUNDS = Number(process.env['SEKISHO_ROUNDS'] ?? 6_000)

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const ARN = 'arn:aws:lambda:us-east-1:000000000000'
const NAMES = [
  'f',
  'g',
  'f:1',
  'f:live',
  '__proto__',
  'constructor',
  `${ARN}:function:f`,
  `${ARN}:function:f:1`,
  'a b',
  '',
  'x'.repeat(300),
]
const QUALIFIERS = ['1', '2', '$LATEST', 'live', 'constructor', '__proto__', '', 'x y', '99999999999999999999']
const TEXTS = [
  ...NAMES,
  ...QUALIFIERS,
  ROLE,
  'provided.al2023',
  'nodejs24.x',
  'Image',
  'Zip',
  'NONE',
  'LATEST',
  '*',
  'ALL',
  'egress',
  '\u0000',
  'ä関',
  `${ARN}:layer:l:1`,
  'arn:aws:sqs:us-east-1:000000000000:q',
  'lambda:InvokeFunction',
  '111111111111',
  'UEsFBg==',
]
const MEMBERS = [
  'FunctionName',
  'Role',
  'Runtime',
  'Handler',
  'Code',
  'ZipFile',
  'S3Bucket',
  'S3Key',
  'ImageUri',
  'Publish',
  'DryRun',
  'Description',
  'Timeout',
  'MemorySize',
  'Environment',
  'Variables',
  'Tags',
  'Layers',
  'Architectures',
  'PackageType',
  'RevisionId',
  'Name',
  'FunctionVersion',
  'RoutingConfig',
  'AdditionalVersionWeights',
  'StatementId',
  'Action',
  'Principal',
  'SourceArn',
  'ReservedConcurrentExecutions',
  'ProvisionedConcurrentExecutions',
  'AuthType',
  'Cors',
  'AllowOrigins',
  'MaximumRetryAttempts',
  'DestinationConfig',
  'OnFailure',
  'Destination',
  'Content',
  'EventSourceArn',
  'BatchSize',
  'Enabled',
  'StartingPosition',
  'FilterCriteria',
  'Filters',
  'Pattern',
  'LoggingConfig',
  'LogFormat',
  'ImageConfig',
  'EphemeralStorage',
  'Size',
  '__proto__',
  'constructor',
  'UpdateRuntimeOn',
  'RecursiveLoop',
  'CompatibleRuntimes',
  'SelfManagedEventSource',
  'Endpoints',
  'Topics',
  'KAFKA_BOOTSTRAP_SERVERS',
  'sekisho:network',
  '1',
  '2',
]

it(`answers or refuses whatever it is sent, and its records stay whole (seed ${SEED})`, async () => {
  const next = random(SEED)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!
  const value = (depth: number): Json => {
    const kind = next()
    if (kind < 0.45) return pick(TEXTS)
    if (kind < 0.6) return pick([0, 1, 2, 128, 900, -1, 1.5, 1e9, 0.25])
    if (kind < 0.7) return pick([true, false, null])
    if (depth > 3) return null
    if (kind < 0.8) return Array.from({ length: Math.floor(next() * 3) }, () => value(depth + 1))
    return object(depth + 1)
  }
  const object = (depth: number): Json =>
    Object.fromEntries(Array.from({ length: Math.floor(next() * 6) }, () => [pick(MEMBERS), value(depth)]))
  /** What passes more checks than chance would. */
  const likely: (() => Json)[] = [
    () => ({ Name: pick(['live', '__proto__']), FunctionVersion: pick(['1', '$LATEST']) }),
    () => ({ StatementId: pick(['s', '__proto__']), Action: 'lambda:*', Principal: '*' }),
    () => ({ Tags: { [pick(MEMBERS)]: pick(TEXTS) } }),
    () => ({ AuthType: 'NONE' }),
    () => ({ ProvisionedConcurrentExecutions: 1, ReservedConcurrentExecutions: pick([0, 5]) }),
    () => ({ MaximumRetryAttempts: 1 }),
    () => ({ FunctionName: pick(['f', 'g']), EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:q', BatchSize: 1 }),
    () => ({ Timeout: 1 + Math.floor(next() * 900) }),
  ]
  const harness = await CatalogHarness.create()
  try {
    const create = await harness.createBody('f', { Publish: true })
    let accepted = 0
    for (let round = 0; round < ROUNDS; round++) {
      if (!harness.catalog.has('f')) await harness.call('CreateFunction', { body: create })
      const { name, path } = pick(harness.catalog.operations)
      const labels = Object.fromEntries(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, label]) => [
          label!,
          pick(next() < 0.5 ? ['f', 'live', '1', 'l', `${ARN}:function:f`] : TEXTS),
        ]),
      )
      const query: Record<string, string> = {}
      for (const member of [
        'Qualifier',
        'Marker',
        'MaxItems',
        'FunctionVersion',
        'List',
        'find',
        'Arn',
        'tagKeys',
        'RevisionId',
      ])
        if (next() < 0.1) query[member] = pick(next() < 0.5 ? QUALIFIERS : TEXTS)
      const body = next() < 0.1 ? undefined : next() < 0.05 ? pick(TEXTS) : next() < 0.4 ? pick(likely)() : object(0)
      try {
        await harness.answer(name, { labels, query, body })
        accepted++
      } catch (error) {
        if (!(error instanceof ServiceError))
          throw new Error(`round ${round}: ${name} ${JSON.stringify({ labels, query, body })}`, { cause: error })
        expect(error.status, `round ${round}: ${error.message}`).toBeLessThan(500)
      }
      for (const qualifier of QUALIFIERS) {
        try {
          harness.catalog.resolve(pick(NAMES), qualifier)
        } catch (error) {
          expect(error, `round ${round}`).toBeInstanceOf(ServiceError)
        }
      }
    }
    expect(accepted).toBeGreaterThan(ROUNDS / 20)
    const before = JSON.stringify(await harness.call('ListFunctions', { query: { FunctionVersion: 'ALL' } }))
    await harness.reopen()
    expect(JSON.stringify(await harness.call('ListFunctions', { query: { FunctionVersion: 'ALL' } }))).toBe(before)
  } finally {
    await harness.dispose()
  }
}, 60_000)

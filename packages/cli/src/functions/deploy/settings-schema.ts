import { type Static, Type } from '@sekisho/gateway/internal/schema/type'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ minLength: 1, description })
const texts = (description: string) => Type.Array(Type.String({ minLength: 1 }), { description })

export const LANGUAGES = ['nodejs', 'rust', 'go', 'python', 'files'] as const
export type Language = (typeof LANGUAGES)[number]

/** What is fine in a name of a function. */
export const NAME_PATTERN = '^[a-zA-Z0-9_-]{1,64}$'

const Url = Type.Object(
  {
    auth: Type.Optional(
      Type.Enum(['none', 'iam'], { description: 'none: everybody may call it; iam: signed calls only' }),
    ),
    stream: Type.Optional(Type.Boolean({ description: 'answers leave piece by piece' })),
    cors: Type.Optional(
      Type.Object(
        {
          origins: Type.Optional(texts('`https://shop.example`, or `*`')),
          methods: Type.Optional(texts('`GET`, or `*`')),
          headers: Type.Optional(texts('that a page may send')),
          credentials: Type.Optional(Type.Boolean()),
          max_age: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400, description: 'seconds' })),
        },
        strict,
      ),
    ),
  },
  strict,
)

const Schedule = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-zA-Z0-9_-]{1,32}$',
      patternErrorMessage: 'must be 1 to 32 letters, digits, "-" and "_"',
      description: 'tells it from the others of this function',
    }),
    expression: text('`rate(5 minutes)`, `cron(30 2 * * ? *)`, `at(2026-11-20T13:00:00)`'),
    timezone: Type.Optional(text('`Europe/Berlin`; left out: UTC')),
    input: Type.Optional(Type.Unknown({ description: 'the event; left out: one that says when it was due' })),
    enabled: Type.Optional(Type.Boolean()),
  },
  strict,
)

const Source = Type.Object(
  {
    arn: Type.Optional(text('of a source that the engine knows')),
    redis: Type.Optional(text('`redis://127.0.0.1:6379`')),
    nats: Type.Optional(text('`nats://127.0.0.1:4222`')),
    kafka: Type.Optional(text('`127.0.0.1:9092`')),
    topic: Type.Optional(text('stream or topic at `redis`, `nats` or `kafka`')),
    start: Type.Optional(
      Type.Enum(['oldest', 'latest'], { description: 'where the first read begins; left out: oldest' }),
    ),
    batch_size: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    window: Type.Optional(Type.Integer({ minimum: 0, maximum: 300, description: 'seconds to wait for a full batch' })),
    retries: Type.Optional(Type.Integer({ minimum: -1, maximum: 10_000, description: '-1: without an end' })),
    report_failures: Type.Optional(
      Type.Boolean({ description: 'the answer names the messages that failed: `batchItemFailures`' }),
    ),
    enabled: Type.Optional(Type.Boolean()),
  },
  strict,
)

/** `function.yaml`, or `sekisho` of package.json: what `fn deploy` needs to know beyond what it sees. */
export const FunctionFile = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        pattern: NAME_PATTERN,
        patternErrorMessage: 'must be 1 to 64 letters, digits, "-" and "_"',
        description: 'left out: that of the package, or of the folder',
      }),
    ),
    description: Type.Optional(Type.String({ maxLength: 256 })),
    language: Type.Optional(
      Type.Enum(LANGUAGES, { description: 'where the folder has several; files: it is packed as it is' }),
    ),
    runtime: Type.Optional(text('`nodejs24.x`, `python3.13`, `provided.al2023`; left out: by what is in the folder')),
    handler: Type.Optional(text('FILE.FUNCTION; left out: `index.handler`')),
    memory: Type.Optional(Type.Integer({ minimum: 128, maximum: 10_240, description: 'MB; 1,769 are one CPU' })),
    timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: 900, description: 'seconds' })),
    storage: Type.Optional(Type.Integer({ minimum: 512, maximum: 10_240, description: 'MB of /tmp' })),
    env: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
        description: 'variables of the environment; `${{NAME}}` takes one of the shell that deploys',
      }),
    ),
    network: Type.Optional(Type.Enum(['none', 'egress', 'host'], { description: 'what the function reaches' })),
    layers: Type.Optional(Type.Array(text('ARN of a layer version'), { maxItems: 5 })),
    role: Type.Optional(text('ARN of a role; Sekisho keeps it and asks nothing of it')),
    log_format: Type.Optional(Type.Enum(['Text', 'JSON'])),
    url: Type.Optional(Type.Union([Type.Boolean(), Url], { description: 'a URL of its own' })),
    schedules: Type.Optional(
      Type.Array(Schedule, {
        maxItems: 50,
        description: 'all of them: one that was here before and is not now is deleted',
      }),
    ),
    sources: Type.Optional(Type.Array(Source, { maxItems: 20, description: 'queues and streams that it reads' })),
    alias: Type.Optional(text('publish a version, and lead this alias to it')),
    bundle: Type.Optional(
      Type.Boolean({ description: 'Node.js: false packs the folder with its node_modules as it is' }),
    ),
    minify: Type.Optional(Type.Boolean({ description: 'Node.js' })),
    external: Type.Optional(texts('Node.js: packages that a layer has')),
    bin: Type.Optional(text('Rust: the program, where there are several')),
    target: Type.Optional(text('Rust: `x86_64-unknown-linux-musl`')),
    include: Type.Optional(texts('files and folders beside the program: `assets/**`')),
    exclude: Type.Optional(texts('files and folders to leave out: `*.md`')),
  },
  strict,
)
export type ScheduleSetting = Static<typeof Schedule>
export type SourceSetting = Static<typeof Source>
export type FunctionFile = Static<typeof FunctionFile>

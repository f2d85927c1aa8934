import { sandboxProblem, sourceProblem, trustProblem } from '../../scripts/index.ts'
import { type Static, Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'

const MIB = 1_048_576

/** How functions of a configuration run: of `serverless-pre-function` and of others that take functions. */
export const functionFields = {
  functions: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    description:
      'JavaScript, called one after the other: `(session) => { … }`, or a program that says `export default` before one',
  }),
  sandbox: defaulted(
    Type.Enum(['quickjs', 'none'], {
      default: 'quickjs',
      description:
        'where they run: `quickjs` in a sandbox, without files and network; `none` in the gateway with all its rights, where the settings file of the node says `scripts: { trusted: true }`',
    }),
  ),
  timeout: defaulted(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 10_000,
      default: 50,
      description:
        'milliseconds that a function may run for one request in the sandbox; nothing else runs in the worker meanwhile',
    }),
  ),
  memory: defaulted(
    Type.Integer({
      minimum: MIB,
      maximum: 1_073_741_824,
      default: 8 * MIB,
      description: 'bytes of memory of the sandbox in each worker',
    }),
  ),
  fail_policy: defaulted(
    Type.Enum(['closed', 'open'], {
      default: 'closed',
      description:
        'what becomes of a request when a function throws or is stopped: `closed` answers 500, `open` goes on without it',
    }),
  ),
} as const

const Complete = Type.Object(functionFields)
export type FunctionOptions = Static<typeof Complete>

/** What is wrong with them that a schema cannot say. */
export function functionProblem({
  functions,
  sandbox,
}: Pick<FunctionOptions, 'functions' | 'sandbox'>): { path: string; message: string } | undefined {
  for (const [index, source] of functions.entries()) {
    const message = sourceProblem(source)
    if (message !== undefined) return { path: `/functions/${index}`, message }
  }
  const message = sandbox === 'none' ? trustProblem() : sandboxProblem()
  return message === undefined ? undefined : { path: '/sandbox', message }
}

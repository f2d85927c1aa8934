import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { functionHooks, PHASES } from './serverless/hooks.ts'
import { functionFields, functionProblem } from './serverless/options.ts'

const schema = Type.Object(
  {
    phase: defaulted(
      Type.Enum([...PHASES], {
        default: 'access',
        description: 'when the functions are called; `before_proxy` is once, before the first attempt at a node',
      }),
    ),
    ...functionFields,
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'serverless-post-function',
  priority: -2000,
  placeless: true,
  schema,
  check: functionProblem,
  create: (config, context) => functionHooks('serverless-post-function', config, context),
})

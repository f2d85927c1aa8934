import { Type } from '../../schema/type.ts'
import { defaulted } from '../defaulted.ts'
import { PHASES } from './hooks.ts'
import { functionFields } from './options.ts'

/** Of `serverless-pre-function` and `serverless-post-function`, which differ in when they run alone. */
export const serverlessSchema = Type.Object(
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

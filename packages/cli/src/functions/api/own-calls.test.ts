import { expect, it } from 'vitest'
import { parseUse } from './own-calls.ts'

it('takes what functions did out of the metrics', () => {
  const text = `# TYPE sekisho_function_invocations_total counter
sekisho_function_invocations_total{function="a"} 3
sekisho_function_invocations_total{function="b"} 1
sekisho_function_errors_total{function="a"} 2
sekisho_function_estimated_cost_total{function="a"} 8.3e-7
sekisho_function_throttles_total{function="a",reason="x"} 9
`
  expect([...parseUse(text)]).toEqual([
    ['a', { invocations: 3, errors: 2, cost: 8.3e-7 }],
    ['b', { invocations: 1, errors: 0, cost: 0 }],
  ])
})

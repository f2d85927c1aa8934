import { describe, expect, it } from 'vitest'
import { explainExpression } from './explain.ts'

const source = { variable: (name: string) => (name === 'arg_x' ? '2' : undefined) }

describe('explainExpression', () => {
  it.each([
    [[['arg_x', '==', 1]], '[0]: arg_x == 1 is not true (arg_x is "2")'],
    [
      [
        ['arg_x', 2],
        ['arg_y', '!', '==', null],
      ],
      '[1]: not (arg_y == null) is not true (the request has no arg_y)',
    ],
    [[['arg_x', 3]], '[0]: arg_x == 3 is not true (arg_x is "2")'],
    [
      ['or', ['arg_x', 'in', ['1']], ['AND', ['arg_y', 1], ['arg_z', 2]]],
      ': OR(arg_x in ["1"], AND(arg_y == 1, arg_z == 2)) is not true',
    ],
    [[['OR', ['arg_x', '>', 5], ['arg_y', 1]]], '[0]: OR(arg_x > 5, arg_y == 1) is not true'],
  ])('%j', (vars, expected) => {
    expect(explainExpression(vars, source)).toBe(expected)
  })

  it.each([[[]], [undefined], [[['arg_x', 2]]], [['OR', ['arg_x', 2], ['arg_y', 1]]]])(
    'has nothing to say of %j, which is true',
    (vars) => {
      expect(explainExpression(vars, source)).toBeUndefined()
    },
  )
})

import type { ConfigProblem, Finding } from '../../config/problem.ts'

/** A finding in documents of a store, which stand in no file. */
export const problemOf = ({ path, value, message, remedy }: Finding): ConfigProblem => ({
  file: '',
  line: 0,
  column: 0,
  path,
  value,
  message,
  remedy,
  source: undefined,
})

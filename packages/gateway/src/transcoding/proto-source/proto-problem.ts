/** Something that is wrong with a `.proto` source. */
export interface ProtoProblem {
  /** Name of the source. */
  readonly file: string
  /** Counted from 1; 0 where the problem has no place. */
  readonly line: number
  /** Counted from 1, in UTF-16 units; 0 where the problem has no place. */
  readonly column: number
  readonly message: string
}

/** A source that cannot be compiled; caught where the compiler is called. */
export class ProtoError extends Error {
  readonly problem: ProtoProblem

  constructor(problem: ProtoProblem) {
    super(problem.message)
    this.problem = problem
  }
}

/** As compilers write it: `file:line:column: message`. */
export function renderProtoProblem({ file, line, column, message }: ProtoProblem): string {
  return line === 0 ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`
}

/** A template that cannot be compiled, or not be filled in with these values. The message says where in the template, and what to do. */
export class TemplateError extends Error {
  constructor(source: string, offset: number, problem: string) {
    const before = source.slice(0, offset)
    const line = before.split('\n').length
    const column = offset - before.lastIndexOf('\n')
    super(`line ${line}, column ${column}: ${problem}`)
  }
}

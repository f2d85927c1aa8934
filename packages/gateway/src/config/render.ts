import { type ConfigProblem, shortPath } from './problem.ts'

/** Columns of the file that are shown around the place: a document on one line would fill the screen. */
const WINDOW = 100

/** One problem as one line: `sekisho.yaml:14:7  /routes/0/uri  "hello": must start with "/"; write "/hello"`. */
export function problemLine({ file, line, column, path, value, message, remedy }: ConfigProblem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  const text = `${value === undefined ? '' : `${value}: `}${message}${remedy === undefined ? '' : `; ${remedy}`}`
  return printable([place, shortPath(path), text].filter((part) => part !== '').join('  '))
}

/** Control characters could steer the terminal, and tabs would put the caret elsewhere: each becomes one space. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const printable = (text: string): string => text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, ' ')

/** All problems for a terminal, each with the line of the file and a caret below the place. */
export function renderProblems(problems: readonly ConfigProblem[]): string {
  return problems.map((problem) => `${problemLine(problem)}\n${excerpt(problem)}`).join('')
}

function excerpt({ line, column, source }: ConfigProblem): string {
  if (line === 0 || source === undefined) return ''
  const from = Math.max(0, Math.min(column - 1 - WINDOW / 2, source.length - WINDOW))
  const shown = printable(source.slice(from, from + WINDOW))
  const number = String(line).padStart(5)
  return `${number} | ${shown}\n${' '.repeat(number.length)} | ${' '.repeat(column - 1 - from)}^\n`
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FILES = ['handler', 'lambda_function', 'index', 'main', 'app']
const FUNCTIONS = ['lambda_handler', 'handler']

/** The file and function that events go to; undefined when none of the usual names is there. */
export function findPythonHandler(folder: string): { readonly file: string; readonly handler: string } | undefined {
  for (const name of FILES) {
    const text = read(join(folder, `${name}.py`))
    const found = FUNCTIONS.find((one) => new RegExp(String.raw`^(?:def\s+${one}\s*\(|${one}\s*=)`, 'm').test(text))
    if (found !== undefined) return { file: `${name}.py`, handler: `${name}.${found}` }
  }
  return undefined
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

import type { Message } from 'esbuild'
import type { BundleOptions } from './bundle.ts'
import { importModule } from './import-module.ts'
import { NO_PLACE, type ReadResult, type SyntaxFinding } from '../source.ts'

/**
 * Reads `sekisho.config.ts`, `.js` or `.mjs`: the default export, or what it returns (or resolves to) when it is a
 * function. Parts of it have no lines: problems name the file and the path.
 */
export async function readModule(file: string, options?: BundleOptions): Promise<ReadResult> {
  try {
    const { default: exported } = await importModule(file, options)
    const value: unknown = typeof exported === 'function' ? await (exported as () => unknown)() : exported
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      return failed('has no configuration as its default export', 'write "export default defineConfig({ … })"')
    }
    // Through JSON: what is stored, compared and sent to worker threads is data. Functions and dates are not.
    return { source: { file, value: JSON.parse(JSON.stringify(value, functionAsText)), locate: () => NO_PLACE } }
  } catch (error) {
    if (isBuildFailure(error)) return { findings: error.errors.map(buildFinding) }
    return failed(`failed while it was run: ${error instanceof Error ? error.message : String(error)}`, undefined)
  }
}

/** `filter_func` may be written as a function there; it is kept as its text, as in the other formats. */
const functionAsText = (_key: string, value: unknown): unknown => (typeof value === 'function' ? String(value) : value)

const failed = (message: string, remedy: string | undefined): ReadResult => ({
  findings: [{ path: '', message, remedy, place: NO_PLACE }],
})

const isBuildFailure = (error: unknown): error is Error & { errors: Message[] } =>
  error instanceof Error && Array.isArray((error as { errors?: unknown }).errors)

const buildFinding = ({ text, location }: Message): SyntaxFinding => ({
  path: '',
  message: text,
  // esbuild counts columns from 0.
  place: location ? { line: location.line, column: location.column + 1, source: location.lineText } : NO_PLACE,
})

import { fileURLToPath } from 'node:url'

export const TEMPLATES = ['echo', 'http', 'websocket', 'stream', 'schedule'] as const
export type Template = (typeof TEMPLATES)[number]

export const TEMPLATE_LANGUAGES = ['ts', 'rust', 'go', 'shell'] as const
export type TemplateLanguage = (typeof TEMPLATE_LANGUAGES)[number]

/** For sentences. */
export const LANGUAGE_NAMES: Readonly<Record<TemplateLanguage, string>> = {
  ts: 'TypeScript',
  rust: 'Rust',
  go: 'Go',
  shell: 'shell',
}

/**
 * `base/LANGUAGE/` has what every function in a language has, `TEMPLATE/LANGUAGE/` the function, and `TEMPLATE/event.json` what it is called with.
 * A file that npm would leave out of a package begins with `_`: `_gitignore`. `__name__` in a file is the name of the function.
 */
export const TEMPLATE_FOLDER = fileURLToPath(new URL('../../../templates/', import.meta.url))

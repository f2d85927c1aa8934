import { readFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { dirname, extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

/** The gateway that is running: what `@sekisho/gateway` means inside a configuration or a plugin of the user. */
export const INSTALLED_GATEWAY = new URL(
  import.meta.url.endsWith('.ts') ? '../../index.ts' : '../../index.js',
  import.meta.url,
)

export interface BundleOptions {
  /** Replaces INSTALLED_GATEWAY in tests. */
  readonly gateway?: URL
}

const builtins = new Set(builtinModules)

/** Marks an import that was resolved once, so that our own plugin lets it pass to esbuild's resolver. */
const RESOLVED = Symbol('resolved')

/**
 * Bundles a TypeScript or JavaScript file and the files it imports into one ES module. Packages stay outside, by the
 * absolute address that the file's own folder finds them at, so the bundle can be imported from anywhere.
 *
 * Throws esbuild's BuildFailure, whose `errors` carry file, line and column.
 */
export async function bundleModule(file: string, options: BundleOptions = {}): Promise<string> {
  // Loaded on demand: most gateways are configured by YAML, and esbuild is 15 MB of memory.
  const esbuild = await import('esbuild')
  const result = await esbuild.build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'silent',
    absWorkingDir: dirname(file),
    plugins: [packagesStayOutside(options.gateway ?? INSTALLED_GATEWAY), ownAddress],
  })
  return result.outputFiles[0]!.text
}

const packagesStayOutside = (gateway: URL): Plugin => ({
  name: 'packages-stay-outside',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === RESOLVED || kind === 'entry-point') return undefined
      if (path === '@sekisho/gateway') return { path: gateway.href, external: true }
      if (path.startsWith('node:') || builtins.has(path)) return { path, external: true }
      const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: RESOLVED })
      if (found.errors.length > 0) return { errors: found.errors, warnings: found.warnings }
      return { path: pathToFileURL(found.path).href, external: true }
    })
  },
})

const LOADERS: Readonly<Record<string, 'ts' | 'js'>> = { '.ts': 'ts', '.mts': 'ts', '.js': 'js', '.mjs': 'js' }

/** `import.meta.url` and its relatives would be those of the bundle, which has no folder: each file gets its own. */
const ownAddress: Plugin = {
  name: 'own-address',
  setup(build) {
    build.onLoad({ filter: /\.m?[jt]s$/ }, async ({ path }) => {
      const contents = await readFile(path, 'utf8')
      if (!contents.includes('import.meta')) return undefined
      const replaced = contents
        .replaceAll(/\bimport\.meta\.url\b/g, JSON.stringify(pathToFileURL(path).href))
        .replaceAll(/\bimport\.meta\.dirname\b/g, JSON.stringify(dirname(path)))
        .replaceAll(/\bimport\.meta\.filename\b/g, JSON.stringify(path))
      return { contents: replaced, loader: LOADERS[extname(path)] ?? 'js' }
    })
  },
}

import { writeFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { greeterDescriptors } from '../proto.ts'
import { BUNDLE } from './bundle-path.ts'

const PAGE = fileURLToPath(new URL('../../web/page.ts', import.meta.url))

let running: Promise<Uint8Array> | undefined

/** The page's script, as one file for browsers. Rejects when esbuild, or a library of the page, is not installed. */
export function bundlePage(): Promise<Uint8Array> {
  // One at a time: the end of one stops esbuild, which would be the end of the other.
  return (running ??= bundle().finally(() => (running = undefined)))
}

async function bundle(): Promise<Uint8Array> {
  const { build, stop } = await import('esbuild')
  try {
    const { outputFiles } = await build({
      entryPoints: [PAGE],
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      minify: true,
      logLevel: 'silent',
      plugins: [descriptors],
    })
    return outputFiles[0].contents
  } finally {
    await stop()
  }
}

/** `import … from '../proto/helloworld.proto'` is its descriptors: messages need no generated code. */
const descriptors: Plugin = {
  name: 'descriptors',
  setup(build) {
    build.onLoad({ filter: /\.proto$/ }, () => {
      const files = greeterDescriptors.map((bytes) => Buffer.from(bytes).toString('base64'))
      return { contents: JSON.stringify(files), loader: 'json' }
    })
  },
}

export async function writeBundle(): Promise<void> {
  await mkdir(dirname(BUNDLE), { recursive: true })
  await writeFile(BUNDLE, await bundlePage())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeBundle()

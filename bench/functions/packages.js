import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../packages/functions/package.json', import.meta.url))
/** @type {typeof import('yazl')} */
const { ZipFile } = require('yazl')

const RUST_SOURCES = fileURLToPath(
  new URL('../../packages/functions/testing-functions/rust-std/main.rs', import.meta.url),
)
/** With `sleep`, for environments that shall be busy at the same time. */
const NODE_SOURCES = `exports.handler = async (event) => {
  if (event.do === 'sleep') await new Promise((resolve) => setTimeout(resolve, event.ms))
  return event
}
`

/**
 * The bootstrap in Rust, on the standard library alone. undefined: there is no rustc.
 * @returns {{ bootstrap: Buffer, file: string, remove: () => void } | undefined}
 */
export function buildRust() {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-rust-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const file = join(folder, 'bootstrap')
  try {
    execFileSync('rustc', ['-O', '-C', 'panic=abort', '-C', 'strip=symbols', '-o', file, RUST_SOURCES])
    return { bootstrap: readFileSync(file), file, remove }
  } catch {
    remove()
    return undefined
  }
}

/** @param {Buffer} bootstrap */
export async function rustPackage(bootstrap) {
  return { runtime: 'provided.al2023', handler: 'bootstrap', zip: await zipOf('bootstrap', bootstrap, 0o100755) }
}

/** A handler for the Node.js that runs this. */
export async function nodePackage() {
  const runtime = `nodejs${process.versions.node.split('.', 1)[0]}.x`
  return { runtime, handler: 'index.handler', zip: await zipOf('index.js', Buffer.from(NODE_SOURCES), 0o100644) }
}

/**
 * @param {string} name
 * @param {Buffer} content
 * @param {number} mode
 */
function zipOf(name, content, mode) {
  const zip = new ZipFile()
  zip.addBuffer(content, name, { mode })
  zip.end()
  return buffer(/** @type {NodeJS.ReadableStream} */ (zip.outputStream))
}

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const FOLDER = fileURLToPath(new URL('../../../../../examples/wasm/assemblyscript/', import.meta.url))
const COMPILER = fileURLToPath(new URL('../../../../../node_modules/assemblyscript/bin/asc.js', import.meta.url))

/** Compiles a filter of `examples/wasm/assemblyscript` as the page beside it says. */
export async function compileAssemblyScript(file: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-wasm-'))
  try {
    const out = join(folder, 'out.wasm')
    const options = ['-O', '--exportRuntime', '--lib', 'lib', '--use', 'abort=abort_proc_exit']
    await promisify(execFile)(process.execPath, [COMPILER, file, '-o', out, ...options], { cwd: FOLDER })
    return await readFile(out)
  } finally {
    await rm(folder, { recursive: true })
  }
}

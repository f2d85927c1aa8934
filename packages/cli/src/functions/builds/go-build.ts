import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderFiles } from '../packing/folder-files.ts'
import type { Builder, Built, Project } from './build.ts'
import { runTool } from './run-tool.ts'

const INSTALL = 'get Go from https://go.dev/dl, then try again'
/** As AWS advises: without the RPC client of its first Go runtime; and without what only debuggers read. */
const ARGS = ['build', '-trimpath', '-tags', 'lambda.norpc', '-ldflags', '-s -w']

/** A program in Go, without a C library. */
export async function goBuilder({ folder, settings }: Project): Promise<Builder> {
  const out = await mkdtemp(join(tmpdir(), 'sekisho-go-'))
  const program = join(out, 'bootstrap')
  return {
    what: 'go build',
    watched: [folder],
    close: () => rm(out, { recursive: true, force: true }),
    async build(): Promise<Built> {
      await runTool('go', [...ARGS, '-o', program, '.'], {
        cwd: folder,
        environment: { CGO_ENABLED: '0' },
        install: INSTALL,
      })
      const { size } = await stat(program)
      const beside = settings.include === undefined ? [] : await folderFiles(folder, settings)
      return {
        runtime: settings.runtime ?? 'provided.al2023',
        handler: settings.handler ?? 'bootstrap',
        files: [{ path: 'bootstrap', source: program, executable: true, bytes: size }, ...beside],
        notes: [],
      }
    },
  }
}

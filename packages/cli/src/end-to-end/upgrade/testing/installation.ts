import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../../../../', import.meta.url))
/** Copied; the other packages are those of this checkout. */
const COPIED: Readonly<Record<string, readonly string[]>> = {
  cli: ['bin', 'dist', 'package.json'],
  gateway: ['dist', 'package.json'],
}

/** An installation of the built command, into which another build can be put while it runs. */
export class Installation {
  readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-installation-'))
  readonly command = join(this.folder, 'packages/cli/bin/sekisho.js')
  private readonly main = join(this.folder, 'packages/gateway/dist/node/control-main.js')

  constructor() {
    const modules = join(this.folder, 'node_modules')
    mkdirSync(join(modules, '@sekisho'), { recursive: true })
    const filter = (path: string): boolean => !/\.(map|d\.ts)$/.test(path)
    for (const [name, parts] of Object.entries(COPIED)) {
      for (const part of parts)
        cpSync(join(ROOT, 'packages', name, part), join(this.folder, 'packages', name, part), {
          recursive: true,
          filter,
        })
    }
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (name !== '@sekisho' && name !== 'sekisho') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    }
    for (const name of readdirSync(join(ROOT, 'node_modules/@sekisho'))) {
      const own = name in COPIED
      symlinkSync(
        own ? join(this.folder, 'packages', name) : join(ROOT, 'node_modules/@sekisho', name),
        join(modules, '@sekisho', name),
      )
    }
  }

  /** Puts a build in place whose gateway process runs `code` instead of the gateway. */
  breakGateway(code: string): void {
    renameSync(this.main, `${this.main}.good`)
    writeFileSync(this.main, code)
  }

  mendGateway(): void {
    renameSync(`${this.main}.good`, this.main)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

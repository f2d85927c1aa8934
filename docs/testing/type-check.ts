import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CodeBlock, placeOf, ROOT } from './markdown.ts'

/** What the compiler says of the blocks, each with the place of its block; empty when all is right. */
export function typeErrors(blocks: readonly CodeBlock[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-types-'))
  try {
    for (const [index, { text }] of blocks.entries()) writeFileSync(join(folder, `block-${index}.mts`), text)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(configuration))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { cwd: folder, encoding: 'utf8' })
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => located(line, blocks))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** As strict as a user may be; the packages as they are published. */
const configuration = {
  extends: join(ROOT, 'tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    composite: false,
    declaration: false,
    // A phase shows what it gets, used or not.
    noUnusedParameters: false,
    typeRoots: [join(ROOT, 'node_modules/@types')],
    paths: {
      ...Object.fromEntries(
        ['wire', 'proxy', 'gateway'].map((name) => [
          `@sekisho/${name}`,
          [join(ROOT, 'packages', name, 'dist/index.d.ts')],
        ]),
      ),
      '@sekisho/gateway/testing': [join(ROOT, 'packages/gateway/dist/testing-kit/index.d.ts')],
    },
  },
  include: ['*.mts'],
}

function located(line: string, blocks: readonly CodeBlock[]): string {
  const match = /block-(\d+)\.mts\((\d+),(\d+)\): (.*)/.exec(line)
  const block = match === null ? undefined : blocks[Number(match[1])]
  if (match === null || block === undefined) return line
  return `${placeOf({ ...block, line: block.line + Number(match[2]) })}:${match[3]} ${match[4]}`
}

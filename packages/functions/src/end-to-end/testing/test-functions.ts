import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeployedFunction } from '../../model/deployed-function.ts'

/** One language's implementation of the behaviours that `testing-functions/README.md` lists. */
export interface TestFunction {
  readonly name: string
  /** Folder to deploy; undefined: it cannot be built here, and `why` says what is missing. */
  readonly directory: string | undefined
  readonly why: string
  readonly runtime: string
  readonly handler: string
  /** Variables for a behaviour beyond the event's: Node.js handlers either stream or do not. */
  readonly streaming: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
}

interface Recipe {
  readonly name: string
  readonly sources: string
  readonly needs: readonly string[]
  /** Variable that allows a build of minutes; without it only the cache is used. */
  readonly allowedBy?: string
  readonly runtime?: string
  readonly handler?: string
  readonly streaming?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
  /** @param sources @param out folder to fill */
  readonly build: (sources: string, out: string) => boolean
}

const SOURCES = fileURLToPath(new URL('../../../testing-functions/', import.meta.url))
const CACHE = join(tmpdir(), 'sekisho-test-functions')
const STREAMING = { STREAMING: 'yes' }
const ownNode = `nodejs${process.versions.node.split('.', 1)[0]}.x`
/** A Node.js 24 beside the one that runs the tests. */
export const node24 =
  process.env['SEKISHO_NODE24'] ?? (process.versions.node.startsWith('24.') ? process.execPath : undefined)

const run = (command: string, parameters: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): boolean =>
  spawnSync(command, parameters, { cwd, env: { ...process.env, ...env }, stdio: 'ignore' }).status === 0

const copied = (sources: string, out: string): boolean => {
  cpSync(sources, out, { recursive: true })
  return true
}

const RECIPES: readonly Recipe[] = [
  {
    name: 'rust-std',
    sources: 'rust-std',
    needs: ['rustc'],
    build: (sources, out) =>
      run(
        'rustc',
        ['-O', '-C', 'panic=abort', '-C', 'strip=symbols', '-o', join(out, 'bootstrap'), 'main.rs'],
        sources,
      ),
  },
  {
    name: 'rust-runtime',
    sources: 'rust-runtime',
    needs: ['cargo'],
    allowedBy: 'TEST_RUST',
    build: (sources, out) => {
      const target = join(CACHE, 'cargo')
      if (!run('cargo', ['build', '--release', '--locked', '--target-dir', target], sources)) return false
      cpSync(join(target, 'release/bootstrap'), join(out, 'bootstrap'))
      return true
    },
  },
  {
    name: 'go',
    sources: 'go',
    needs: ['go'],
    allowedBy: 'TEST_GO',
    build: (sources, out) =>
      run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', join(out, 'bootstrap'), '.'], sources, {
        CGO_ENABLED: '0',
      }),
  },
  { name: 'shell', sources: 'shell', needs: ['curl', 'awk'], build: copied },
  { name: 'node', sources: 'node', needs: [], runtime: ownNode, streaming: STREAMING, build: copied },
  {
    name: 'aws-lambda-ric',
    sources: 'node',
    needs: node24 === undefined ? ['SEKISHO_NODE24 (a Node.js 24)'] : ['npm'],
    allowedBy: 'TEST_RIC',
    runtime: 'nodejs24.x',
    streaming: STREAMING,
    // The wrapper puts AWS's client in the place of our runtime: "$1" is the interpreter.
    environment: { AWS_LAMBDA_EXEC_WRAPPER: '/var/task/wrapper' },
    build: (sources, out) => {
      copied(sources, out)
      const path = `${join(node24!, '..')}:${process.env['PATH']}`
      if (
        !run('npm', ['install', '--prefix', out, '--no-audit', '--no-fund', 'aws-lambda-ric@4'], out, { PATH: path })
      ) {
        return false
      }
      const script = '#!/bin/sh\nexec "$1" "$LAMBDA_TASK_ROOT/node_modules/aws-lambda-ric/index.mjs"\n'
      return run('sh', ['-c', 'printf %s "$SCRIPT" > wrapper && chmod 755 wrapper'], out, { SCRIPT: script })
    },
  },
]

/** Builds what is not in the cache yet. */
export const testFunctions = (): readonly TestFunction[] => RECIPES.map(prepare)

export function testFunction(name: string): TestFunction {
  return prepare(RECIPES.find((recipe) => recipe.name === name)!)
}

/** As the catalog would hand it over. */
export const asDeployed = (test: TestFunction, changes: Partial<DeployedFunction> = {}): DeployedFunction => ({
  name: test.name,
  version: '$LATEST',
  arn: `arn:aws:lambda:us-east-1:000000000000:function:${test.name}`,
  revisionId: '1',
  runtime: test.runtime,
  handler: test.handler,
  packageType: 'Zip',
  memoryMb: 256,
  timeoutMs: 10_000,
  ephemeralStorageMb: 512,
  taskDirectory: test.directory!,
  layersDirectory: undefined,
  image: undefined,
  logging: {
    format: 'Text',
    applicationLevel: undefined,
    systemLevel: undefined,
    group: `/aws/lambda/${test.name}`,
  },
  tracing: 'PassThrough',
  network: 'none',
  ...changes,
  environment: { ...test.environment, ...changes.environment },
})

function prepare(recipe: Recipe): TestFunction {
  const built = build(recipe)
  return {
    name: recipe.name,
    directory: built.startsWith('/') ? built : undefined,
    why: built.startsWith('/') ? '' : built,
    runtime: recipe.runtime ?? 'provided.al2023',
    handler: recipe.handler ?? 'index.handler',
    streaming: recipe.streaming ?? {},
    environment: recipe.environment ?? {},
  }
}

/** @returns the folder, or why there is none */
function build(recipe: Recipe): string {
  const sources = join(SOURCES, recipe.sources)
  const folder = join(CACHE, `${recipe.name}-${fingerprint(sources)}`)
  if (existsSync(folder) && (recipe.runtime !== 'nodejs24.x' || node24 !== undefined)) return folder
  const missing = recipe.needs.find((program) => !found(program))
  if (missing !== undefined) return `needs ${missing}`
  if (recipe.allowedBy !== undefined && process.env[recipe.allowedBy] !== '1') {
    return `not built yet, which takes minutes: ${recipe.allowedBy}=1`
  }
  mkdirSync(CACHE, { recursive: true })
  // Several test files may build at once: each in a folder of its own, and the first one to be ready wins.
  const out = mkdtempSync(join(CACHE, 'building-'))
  try {
    if (!recipe.build(sources, out)) return 'its build failed'
    spawnSync('chmod', ['-R', 'a+rX', out])
    renameSync(out, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
  return folder
}

const found = (program: string): boolean => spawnSync('which', [program], { stdio: 'ignore' }).status === 0

function fingerprint(folder: string): string {
  const hash = createHash('sha256').update(process.version)
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const path = join(folder, name)
    if (statSync(path).isFile()) hash.update(name).update(readFileSync(path))
  }
  return hash.digest('hex').slice(0, 16)
}

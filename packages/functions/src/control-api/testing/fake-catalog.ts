import type { FunctionCatalog, FunctionUrl, ResolvedFunction } from '../../catalog/function-catalog.ts'
import type { DeployedFunction } from '../../model/deployed-function.ts'
import { notFound } from '../../model/service-error.ts'

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:'

/** Knows the functions that a test names; any qualifier is an alias of `$LATEST`. */
export class FakeCatalog implements FunctionCatalog {
  readonly functions = new Map<string, DeployedFunction>()
  readonly urls: FunctionUrl[] = []
  unpacking: Promise<void> | undefined
  onPrepare: () => void = () => {}
  /** Principals that the policy of every function lets in. */
  readonly allowed = new Set<string>()

  constructor(...names: readonly string[]) {
    for (const name of names) this.functions.set(name, deployedFunction(name))
  }

  resolve(nameOrArn: string, qualifier: string | undefined): ResolvedFunction {
    const name = nameOrArn.startsWith(ARN) ? nameOrArn.slice(ARN.length) : nameOrArn
    const found = this.functions.get(name)
    if (found === undefined) throw notFound(`Function not found: ${ARN}${name}:${qualifier ?? '$LATEST'}`)
    return { function: found, invokedArn: qualifier === undefined ? found.arn : `${found.arn}:${qualifier}` }
  }
  prepare(): Promise<void> | undefined {
    this.onPrepare()
    return this.unpacking
  }
  allows(_: string, __: string | undefined, { principal }: { principal: string }): boolean {
    return this.allowed.has(principal)
  }
  urlById(id: string): FunctionUrl | undefined {
    return this.urls.find((url) => url.id === id)
  }
  urlOf(name: string): FunctionUrl | undefined {
    return this.urls.find((url) => url.functionName === name)
  }
  eventInvokeConfig(): never {
    throw new Error('not asked for here')
  }
  onChange(): () => void {
    return () => {}
  }
}

export const deployedFunction = (name: string, parts: Partial<DeployedFunction> = {}): DeployedFunction => ({
  name,
  version: '$LATEST',
  arn: ARN + name,
  revisionId: 'b5a2f1ce-9a4f-4d1c-8d62-7c1ff2cf2b0b',
  runtime: 'provided.al2023',
  handler: 'bootstrap',
  packageType: 'Zip',
  memoryMb: 128,
  timeoutMs: 3_000,
  ephemeralStorageMb: 512,
  environment: {},
  taskDirectory: '/nowhere',
  layersDirectory: undefined,
  image: undefined,
  logging: { format: 'Text', applicationLevel: undefined, systemLevel: undefined, group: `/aws/lambda/${name}` },
  tracing: 'PassThrough',
  network: 'none',
  ...parts,
})

import type { DeployedFunction } from '../../model/deployed-function.ts'

/** A function as the catalog would hand it over. */
export const deployedFunction = (taskDirectory: string, changes: Partial<DeployedFunction> = {}): DeployedFunction => ({
  name: 'fn',
  version: '$LATEST',
  arn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
  revisionId: '1',
  runtime: 'provided.al2023',
  handler: 'index.handler',
  packageType: 'Zip',
  memoryMb: 256,
  timeoutMs: 3000,
  ephemeralStorageMb: 512,
  environment: {},
  taskDirectory,
  layersDirectory: undefined,
  image: undefined,
  logging: { format: 'Text', applicationLevel: undefined, systemLevel: undefined, group: '/aws/lambda/fn' },
  tracing: 'PassThrough',
  network: 'none',
  ...changes,
})

import { invalidParameter } from '../../model/service-error.ts'
import { MAX_UNZIPPED_BYTES } from '../../packages/limits.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { layerListProblem, parseLayerVersionArn } from '../names/layer-reference.ts'
import type { CodeRecord, LayerUse } from '../records/function-record.ts'
import { throwProblems } from '../shapes/shape.ts'

const MAX_LAYERS = 5

/** What a function's list of layers stands for now. It keeps them, also when they are deleted later. */
export function layersInUse({ records, settings }: CatalogContext, arns: readonly string[]): LayerUse[] {
  if (arns.length > MAX_LAYERS) throw invalidParameter(`Cannot reference more than ${MAX_LAYERS} layers.`)
  const seen = new Map<string, string>()
  return arns.map((arn) => {
    const reference = parseLayerVersionArn(arn)
    if (reference === undefined) throwProblems([layerListProblem(arn)])
    const { region, account, name, version } = reference!
    if (region !== settings.region)
      throw invalidParameter(
        `Layers are not in the same region as the function. Layers are expected to be in region ${settings.region}.`,
      )
    const record = account === settings.account ? records.layers.get(`${name}/${version}`) : undefined
    if (record === undefined) throw invalidParameter(`Layer version ${arn} does not exist.`)
    const other = seen.get(name)
    if (other !== undefined)
      throw invalidParameter(
        `Two different versions of the same layer are not allowed to be referenced in the same function. ${other} and ${arn} are versions of the same layer.`,
      )
    seen.set(name, arn)
    return { arn, sha256: record.code.sha256, size: record.code.size, unzippedBytes: record.code.unzippedBytes }
  })
}

/** The limit is that of all together. */
export function checkUnzippedSize(code: CodeRecord, layers: readonly LayerUse[]): void {
  if (code.kind !== 'zip') return
  const bytes = layers.reduce((sum, layer) => sum + layer.unzippedBytes, code.unzippedBytes)
  if (bytes > MAX_UNZIPPED_BYTES)
    throw invalidParameter(
      `Function code combined with layers exceeds the maximum allowed size of ${MAX_UNZIPPED_BYTES} bytes. The actual size is ${bytes} bytes.`,
    )
}

import { randomUUID } from 'node:crypto'
import type { ApiAnswer, ApiRequest, Operation } from '../../control-api/operation.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { MAX_CODE_BODY_BYTES, takeZip, ZIP_MEMBERS, checkCodeSource } from '../functions/code-source.ts'
import { layerArn } from '../names/arns.ts'
import { LAYER_VERSION_PATTERN, layerName, layerVersion, parseLayerVersionArn } from '../names/layer-reference.ts'
import { numberKey, pageOf } from '../paging.ts'
import type { ZipCode } from '../records/function-record.ts'
import type { LayerVersionRecord } from '../records/layer-record.ts'
import { resourceNotFound } from '../refusals.ts'
import { oneOf, text } from '../shapes/scalars.ts'
import { list, structure, type StructureOf } from '../shapes/composites.ts'
import { queryText, readInput } from '../shapes/read-input.ts'
import { failed, required, throwProblems } from '../shapes/shape.ts'
import { lambdaTime } from '../times.ts'

const LAYERS = '/2018-10-31/layers'
const VERSIONS = `${LAYERS}/{LayerName}/versions`

const publishMembers = {
  Description: text({ max: 256 }),
  Content: required(structure(ZIP_MEMBERS)),
  // AWS takes names of all runtimes that ever were: a layer is only a zip.
  CompatibleRuntimes: list(text({ pattern: '[a-z][a-z0-9.]*' }), { max: 15 }),
  CompatibleArchitectures: list(oneOf('x86_64', 'arm64'), { max: 2 }),
  LicenseInfo: text({ max: 512 }),
} as const
const publishShape = structure(publishMembers)

export const publishLayerVersion = (context: CatalogContext): Operation => ({
  name: 'PublishLayerVersion',
  method: 'POST',
  path: VERSIONS,
  maxBodyBytes: MAX_CODE_BODY_BYTES,
  async handle(request) {
    const name = layerName(request.labels['LayerName'] ?? '', context.settings)
    const input = readInput(publishShape, request)
    checkCodeSource({ ...input.Content, ImageUri: undefined, SourceKMSKeyArn: undefined }, 'Zip')
    const code = await takeZip(context, input.Content)
    try {
      const record = await publish(context, name, input, code)
      return { status: 201, body: layerAnswer(context, request, record) }
    } finally {
      context.packages.release(code.sha256)
    }
  },
})

function publish(
  { records, now }: CatalogContext,
  name: string,
  input: StructureOf<typeof publishMembers>,
  code: ZipCode,
): Promise<LayerVersionRecord> {
  return records.change(records.layerNumbers, name, (numbers) => {
    const version = numbers?.nextVersion ?? 1
    const record: LayerVersionRecord = {
      name,
      version,
      description: input.Description ?? '',
      createdAt: now(),
      compatibleRuntimes: input.CompatibleRuntimes,
      compatibleArchitectures: input.CompatibleArchitectures,
      licenseInfo: input.LicenseInfo,
      code,
      policy: [],
      policyRevision: randomUUID(),
    }
    const write = { key: records.layers.key(`${name}/${version}`), value: JSON.stringify(record) }
    return { value: { nextVersion: version + 1 }, writes: [write], result: record }
  })
}

export const getLayerVersion = (context: CatalogContext): Operation => ({
  name: 'GetLayerVersion',
  method: 'GET',
  path: `${VERSIONS}/{VersionNumber}`,
  handle(request) {
    const name = layerName(request.labels['LayerName'] ?? '', context.settings)
    return found(context, request, `${name}/${layerVersion(request.labels['VersionNumber'] ?? '')}`)
  },
})

/** And GetLayerVersionByArn, which differs by `?find=LayerVersion`. */
export const listLayers = (context: CatalogContext): Operation => ({
  name: 'ListLayers',
  method: 'GET',
  path: LAYERS,
  handle: (request) =>
    queryText(request, 'find') === 'LayerVersion' ? byArn(context, request) : listAll(context, request),
})

function byArn(context: CatalogContext, request: ApiRequest): ApiAnswer {
  const arn = queryText(request, 'Arn') ?? ''
  const reference = parseLayerVersionArn(arn)
  if (reference === undefined)
    throwProblems([
      failed(
        `'${arn.slice(0, 512)}'`,
        'arn',
        `Member must satisfy regular expression pattern: ${LAYER_VERSION_PATTERN}`,
      ),
    ])
  const { region, account, name, version } = reference!
  if (region !== context.settings.region || account !== context.settings.account) throw resourceNotFound()
  return found(context, request, `${name}/${version}`)
}

function listAll(context: CatalogContext, request: ApiRequest): ApiAnswer {
  const latest = new Map<string, LayerVersionRecord>()
  for (const record of context.records.layers.values()) {
    if (!fits(record, request)) continue
    if ((latest.get(record.name)?.version ?? 0) < record.version) latest.set(record.name, record)
  }
  const rows = [...latest.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const page = pageOf(request, rows, ({ name }) => name, 50)
  const Layers = page.items.map((record) => ({
    LayerName: record.name,
    LayerArn: layerArn(context.settings, record.name),
    LatestMatchingVersion: itemAnswer(context, record),
  }))
  return { status: 200, body: { Layers, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) } }
}

export const listLayerVersions = (context: CatalogContext): Operation => ({
  name: 'ListLayerVersions',
  method: 'GET',
  path: VERSIONS,
  handle(request) {
    const name = layerName(request.labels['LayerName'] ?? '', context.settings)
    // Newest first: the key counts down.
    const keyOf = ({ version }: LayerVersionRecord) => numberKey(999_999_999 - version)
    const rows = [...context.records.layers.values()]
      .filter((record) => record.name === name && fits(record, request))
      .sort((a, b) => b.version - a.version)
    const page = pageOf(request, rows, keyOf, 50)
    const LayerVersions = page.items.map((record) => itemAnswer(context, record))
    return {
      status: 200,
      body: { LayerVersions, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) },
    }
  },
})

/** Functions that use it keep what is in it. */
export const deleteLayerVersion = (context: CatalogContext): Operation => ({
  name: 'DeleteLayerVersion',
  method: 'DELETE',
  path: `${VERSIONS}/{VersionNumber}`,
  async handle(request) {
    const version = layerVersion(request.labels['VersionNumber'] ?? '')
    const name = layerName(request.labels['LayerName'] ?? '', context.settings)
    await context.records.change(context.records.layers, `${name}/${version}`, () => ({
      value: undefined,
      result: undefined,
    }))
    return { status: 204 }
  },
})

function found(context: CatalogContext, request: ApiRequest, id: string): ApiAnswer {
  const record = context.records.layers.get(id)
  if (record === undefined) throw resourceNotFound()
  return { status: 200, body: layerAnswer(context, request, record) }
}

function fits({ compatibleRuntimes, compatibleArchitectures }: LayerVersionRecord, request: ApiRequest): boolean {
  const runtime = queryText(request, 'CompatibleRuntime')
  const architecture = queryText(request, 'CompatibleArchitecture')
  return (
    (runtime === undefined || compatibleRuntimes?.includes(runtime) === true) &&
    (architecture === undefined || compatibleArchitectures?.includes(architecture) === true)
  )
}

function itemAnswer({ settings }: CatalogContext, record: LayerVersionRecord): object {
  const { compatibleRuntimes, compatibleArchitectures, licenseInfo } = record
  return {
    LayerVersionArn: `${layerArn(settings, record.name)}:${record.version}`,
    Version: record.version,
    Description: record.description,
    CreatedDate: lambdaTime(record.createdAt),
    ...(compatibleRuntimes === undefined ? {} : { CompatibleRuntimes: compatibleRuntimes }),
    ...(licenseInfo === undefined ? {} : { LicenseInfo: licenseInfo }),
    ...(compatibleArchitectures === undefined ? {} : { CompatibleArchitectures: compatibleArchitectures }),
  }
}

function layerAnswer(context: CatalogContext, request: ApiRequest, record: LayerVersionRecord): object {
  const { code } = record
  return {
    Content: {
      Location: context.settings.codeLocation(request.origin, code.sha256),
      CodeSha256: Buffer.from(code.sha256, 'hex').toString('base64'),
      CodeSize: code.size,
    },
    LayerArn: layerArn(context.settings, record.name),
    ...itemAnswer(context, record),
  }
}

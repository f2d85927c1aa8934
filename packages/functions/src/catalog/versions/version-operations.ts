import type { Operation } from '../../control-api/operation.ts'
import { invalidParameter } from '../../model/service-error.ts'
import type { CatalogContext } from '../catalog-context.ts'
import { codeSha256, configurationAnswer } from '../functions/configuration-answer.ts'
import { functionOf, referenceOf } from '../functions/function-input.ts'
import { functionArn, LATEST } from '../names/arns.ts'
import { numberKey, pageOf } from '../paging.ts'
import { functionNotFound, notActive, revisionMismatch, updateInProgress } from '../refusals.ts'
import { text } from '../shapes/scalars.ts'
import { structure } from '../shapes/composites.ts'
import { readInput } from '../shapes/read-input.ts'
import { publish } from './publish.ts'

const publishShape = structure({ CodeSha256: text(), Description: text({ max: 256 }), RevisionId: text() })

export const publishVersion = (context: CatalogContext): Operation => ({
  name: 'PublishVersion',
  method: 'POST',
  path: '/2015-03-31/functions/{FunctionName}/versions',
  async handle(request) {
    const { records, settings } = context
    const { name } = referenceOf(context, request)
    const input = readInput(publishShape, request)
    const version = await records.changeFunction(name, (current) => {
      if (current === undefined) throw functionNotFound(settings, name)
      const { latest } = current
      if (latest.state !== 'Active') throw notActive(latest)
      if (latest.update?.status === 'InProgress' || context.updating.has(name))
        throw updateInProgress(functionArn(settings, name))
      if (input.RevisionId !== undefined && input.RevisionId !== latest.revisionId) throw revisionMismatch()
      const sha256 = codeSha256(latest.code)
      if (input.CodeSha256 !== undefined && input.CodeSha256 !== sha256)
        throw invalidParameter(
          `CodeSHA256 (${input.CodeSha256}) is different from current CodeSHA256 in $LATEST (${sha256}). Please try again with the CodeSHA256 in $LATEST.`,
        )
      const published = publish(records, current, context.now(), input.Description)
      return { ...published, result: published.version }
    })
    return { status: 201, body: configurationAnswer(settings, name, version, version.version) }
  },
})

export const listVersionsByFunction = (context: CatalogContext): Operation => ({
  name: 'ListVersionsByFunction',
  method: 'GET',
  path: '/2015-03-31/functions/{FunctionName}/versions',
  handle(request) {
    const record = functionOf(context, { ...referenceOf(context, request), qualifier: undefined })
    const all = [record.latest, ...context.records.publishedVersions(record)]
    const keyOf = ({ version }: { version: string }) => (version === LATEST ? ' ' : numberKey(version))
    const page = pageOf(request, all, keyOf, 10_000)
    const Versions = page.items.map((version) =>
      configurationAnswer(context.settings, record.name, version, version.version),
    )
    return {
      status: 200,
      body: { Versions, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) },
    }
  },
})

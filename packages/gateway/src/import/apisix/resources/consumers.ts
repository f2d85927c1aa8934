import { pointerPart } from '../../../config/problem.ts'
import type { Fields } from '../../output/noted.ts'
import type { ImportContext, Resource } from '../import-context.ts'
import { withoutEqual } from '../plugins/without-equal.ts'
import type { SourceItem } from '../source/source-item.ts'
import { dropTimes } from './fields.ts'

const CREDENTIAL = /^([^/]+)\/credentials\/([^/]+)$/

/** Whether a resource of the list of consumers is a credential of one. */
export const isCredentialItem = ({ kind, value }: SourceItem): boolean =>
  kind === 'consumers' && CREDENTIAL.test(String(value['id']))

/** A consumer is named by its `username`; its id says the same, if there is one. */
export function readConsumer({ fields }: Resource): void {
  delete fields['id']
}

/** Puts credentials to their consumers: there they are resources of their own. */
export function addCredentials(items: readonly SourceItem[], { report, resources, plugins }: ImportContext): void {
  const consumers = new Map(
    resources.filter(({ kind }) => kind === 'consumers').map((consumer) => [consumer.fields['username'], consumer]),
  )
  for (const { path, value } of items) {
    const [, username = '', id = ''] = CREDENTIAL.exec(String(value['id'])) ?? []
    const consumer = consumers.get(username)
    if (consumer === undefined) {
      report.add('invalid', path, `there is no consumer "${username}"`)
      continue
    }
    const { id: _id, ...credential } = structuredClone(value) as Fields
    dropTimes(credential)
    const unknown = Object.keys(credential['plugins'] ?? {}).filter((name) => plugins.get(name) === undefined)
    for (const name of unknown)
      report.add('not carried over', `${path}/plugins/${pointerPart(name)}`, withoutEqual(name))
    if (unknown.length > 0) continue
    const credentials = (consumer.fields['credentials'] ??= {}) as Fields
    credentials[id] = credential
    consumer.moved.set(`credentials/${id}`, path)
  }
}

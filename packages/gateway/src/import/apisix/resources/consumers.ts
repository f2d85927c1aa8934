import { pointerPart } from '../../../config/problem.ts'
import type { Fields } from '../../output/noted.ts'
import type { ImportContext, Resource } from '../import-context.ts'
import type { SourceItem } from '../source/source-item.ts'
import { isFields } from '../source/source-item.ts'

const CREDENTIAL = /^([^/]+)\/credentials\/([^/]+)$/

/** Whether a resource of the list of consumers is a credential of one. */
export const isCredentialItem = ({ kind, value }: SourceItem): boolean =>
  kind === 'consumers' && CREDENTIAL.test(String(value['id']))

/** A consumer is named by its `username`; its id says the same, if there is one. */
export function readConsumer({ fields }: Resource): void {
  delete fields['id']
}

/** Puts the plugins of credentials to their consumers, which hold one of each plugin. */
export function addCredentials(items: readonly SourceItem[], { report, resources, ...context }: ImportContext): void {
  const consumers = new Map(
    resources.filter(({ kind }) => kind === 'consumers').map((consumer) => [consumer.fields['username'], consumer]),
  )
  for (const { path, value } of items) {
    const [, username = ''] = CREDENTIAL.exec(String(value['id'])) ?? []
    const consumer = consumers.get(username)
    if (consumer === undefined) {
      report.add('invalid', path, `there is no consumer "${username}"`)
      continue
    }
    for (const [name, config] of Object.entries(isFields(value['plugins']) ? value['plugins'] : {})) {
      const place = `${path}/plugins/${pointerPart(name)}`
      const plugins = (consumer.fields['plugins'] ??= {}) as Fields
      if (context.plugins.get(name) === undefined)
        report.add('not carried over', place, 'there is no plugin of this name')
      else if (plugins[name] !== undefined)
        report.add('not carried over', place, `consumer "${username}" has ${name} already, and can have it once`)
      else plugins[name] = structuredClone(config)
    }
  }
}

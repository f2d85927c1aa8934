import type { Message } from '../reader/message.ts'
import type { Fields } from './draft.ts'

/** Settings of the node. Envoy has them for each listener, so that two may disagree: the first counts then. */
export class SettingsDraft {
  readonly #values = new Map<string, { readonly value: unknown; readonly path: string }>()

  /** Sets `section.name`, say `limits.max_body_bytes`. The field of `owner` that it comes from is told when it cannot be. */
  put(setting: string, value: unknown, owner: Message, field: string): void {
    const known = this.#values.get(setting)
    if (known === undefined) this.#values.set(setting, { value, path: owner.pathOf(field) })
    else if (JSON.stringify(known.value) !== JSON.stringify(value)) {
      owner.lose(field, `"${setting}" holds for all listeners, and ${known.path} has set it`)
    }
  }

  get(setting: string): unknown {
    return this.#values.get(setting)?.value
  }

  /** As they stand in a configuration. */
  fields(): Fields {
    const fields: Fields = {}
    for (const [setting, { value }] of this.#values) {
      const names = setting.split('.')
      const last = names.pop() as string
      let section = fields
      for (const name of names) section = (section[name] ??= {}) as Fields
      section[last] = value
    }
    return fields
  }
}

import type { Message } from '../reader/message.ts'

/** `static_resources.secrets`, to which TLS contexts refer by name. */
export class Secrets {
  readonly #secrets = new Map<string, Message>()

  constructor(secrets: readonly Message[]) {
    for (const secret of secrets) {
      const name = secret.string('name')
      if (name !== undefined) this.#secrets.set(name, secret)
    }
  }

  /** What an SdsSecretConfig refers to, when it stands in this file. */
  named(config: Message, field: 'tls_certificate' | 'validation_context'): Message | undefined {
    const name = config.string('name') ?? ''
    if (config.has('sds_config')) {
      config.lose('sds_config', 'secrets come from files here')
      return undefined
    }
    const found = this.#secrets.get(name)?.message(field)
    if (found === undefined) config.lose('name', `there is no secret "${name}" with a ${field} in this file`)
    return found
  }
}

import { readPluginFile } from '../file-access.ts'

/** Model and policy as text. */
export interface PolicySource {
  readonly model: string
  readonly policy: string
}

/** What may be written of them. */
export interface PolicyFields {
  readonly model?: string | undefined
  readonly policy?: string | undefined
  readonly model_path?: string | undefined
  readonly policy_path?: string | undefined
}

/** What is written, files read. undefined: nothing is, and the metadata of the plugin counts. Throws when a file cannot be read. */
export function policySource({ model, policy, model_path, policy_path }: PolicyFields): PolicySource | undefined {
  if (model !== undefined && policy !== undefined) return { model, policy }
  if (model_path === undefined || policy_path === undefined) return undefined
  return { model: textOf(model_path), policy: textOf(policy_path) }
}

/** A policy is kept in memory, and looked through for each new request. */
const MAX_FILE_BYTES = 16_777_216
const textOf = (path: string): string => readPluginFile(path, MAX_FILE_BYTES).toString('utf8')

/** casbin needs them all. */
const SECTIONS = ['request_definition', 'policy_definition', 'policy_effect', 'matchers']

/** What is wrong with a model, as far as can be told without casbin. */
export function modelProblem(model: string): string | undefined {
  const missing = SECTIONS.filter((name) => !new RegExp(`^\\s*\\[${name}\\]`, 'm').test(model))
  if (missing.length > 0) return `has no section ${missing.map((name) => `[${name}]`).join(', ')}`
  const request = /^\s*r\s*=(.*)$/m.exec(model)?.[1]?.split(',').length
  return request === 3 ? undefined : 'must define the request as r = sub, obj, act: user, path, method'
}

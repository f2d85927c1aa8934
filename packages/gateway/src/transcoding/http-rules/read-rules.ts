import { type DescMethod, type DescService, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { MethodOptionsSchema } from '@bufbuild/protobuf/wkt'
import { wellKnownRegistry } from '../descriptors/registry.ts'
import { type Binding, bindRule, type WrittenRule } from './binding.ts'

/** The types of google/api, as they are known here: a set may bring its own, or an older form of it. */
const google = wellKnownRegistry()
const HttpRule = google.getMessage('google.api.HttpRule')!
const HTTP = google.getExtension('google.api.http')!

interface HttpRuleMessage extends Message {
  readonly pattern:
    | { readonly case: 'get' | 'put' | 'post' | 'delete' | 'patch'; readonly value: string }
    | { readonly case: 'custom'; readonly value: { readonly kind: string; readonly path: string } }
    | { readonly case: undefined }
  readonly body: string
  readonly responseBody: string
  readonly additionalBindings: readonly HttpRuleMessage[]
}

/** Something that is wrong with the annotation of a method. */
export interface RuleProblem {
  readonly method: DescMethod
  readonly message: string
}

export interface ReadRules {
  readonly bindings: readonly Binding[]
  readonly problems: readonly RuleProblem[]
}

/** The rules that the methods of a service are annotated with. */
export function annotatedRules(service: DescService): ReadRules {
  const bindings: Binding[] = []
  const problems: RuleProblem[] = []
  for (const method of service.methods) {
    const rule = annotation(method)
    if (rule === undefined) continue
    for (const each of [rule, ...rule.additionalBindings]) {
      const written = writtenRule(each)
      const binding = typeof written === 'string' ? written : bindRule(method, written)
      if (typeof binding === 'string') problems.push({ method, message: binding })
      else bindings.push(binding)
    }
    const nested = rule.additionalBindings.find((each) => each.additionalBindings.length > 0)
    if (nested !== undefined) problems.push({ method, message: 'additional_bindings have no additional_bindings' })
  }
  return { bindings, problems }
}

/** The rule of every method that has no annotation: POST /package.Service/Method, the message as the body. */
export function automaticRules(service: DescService): Binding[] {
  return service.methods
    .filter((method) => annotation(method) === undefined)
    .map((method) => {
      const path = `/${service.typeName}/${method.name}`
      return bindRule(method, { httpMethod: 'POST', path, body: '*', responseBody: '' }) as Binding
    })
}

function annotation(method: DescMethod): HttpRuleMessage | undefined {
  const { options } = method.proto
  if (options === undefined) return undefined
  // Through its bytes, since the options may have been read with or without knowing the extension.
  const fields = fromBinary(MethodOptionsSchema, toBinary(MethodOptionsSchema, options)).$unknown ?? []
  const parts = fields.filter(({ no }) => no === HTTP.number).map(({ data }) => withoutLength(data))
  // Several occurrences of a message field are one message (protobuf, "Last One Wins").
  return parts.length === 0 ? undefined : (fromBinary(HttpRule, Buffer.concat(parts)) as HttpRuleMessage)
}

/** An unknown field of a message type keeps its length in front: a varint. */
function withoutLength(data: Uint8Array): Uint8Array {
  let at = 0
  while (data[at] >= 0x80) at++
  return data.subarray(at + 1)
}

function writtenRule({ pattern, body, responseBody }: HttpRuleMessage): WrittenRule | string {
  if (pattern.case === undefined) return 'the rule has no path'
  if (pattern.case !== 'custom') {
    return { httpMethod: pattern.case.toUpperCase(), path: pattern.value, body, responseBody }
  }
  const { kind, path } = pattern.value
  if (kind === '') return 'the custom pattern has no "kind"; write an HTTP method, or "*" for any'
  return { httpMethod: kind, path, body, responseBody }
}

/**
 * Runs a filter that was built for the proxy-wasm ABI (0.2.1, 0.2.0, 0.1.0): the same modules as in Envoy, in Rust, Go, C++ or AssemblyScript. It
 * sees and changes heads, bodies and trailers, answers requests, and calls other services.
 *
 * ```yaml
 * plugins:
 *   wasm:
 *     path: examples/wasm/house-rules.wasm
 *     conf: "deny=BadBot via=sekisho mask=secret"
 * ```
 *
 * ```sh
 * curl -i -A BadBot/1.0 http://127.0.0.1:8080/            # 403, body: not in this house, no upstream
 * curl -i http://127.0.0.1:8080/                          # 200, via: sekisho, upstream: x-house: seen
 * curl -i -d 'my secret' http://127.0.0.1:8080/           # 200, body: my ******
 * ```
 *
 * `house-rules` is a filter in Rust; its source is in `examples/wasm/rust`. A module is looked at and started on trial when the configuration is read: what it lacks or refuses is an error there.
 * [WebAssembly filters](../wasm.md) says what filters can do, how they are bounded, and how several stand on one route.
 *
 * Cost: 2.8 µs for that filter; 0.4 of them count its loops and calls (`max_fuel`).
 */
import { confField, runFields, sourceFields } from '../wasm/filter-config.ts'
import { createFilter, filterProblem } from '../wasm/filter.ts'
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'
import { readProblem } from './file-access.ts'

const schema = Type.Object(
  { ...sourceFields, conf: confField, ...runFields },
  {
    additionalProperties: false,
    allOf: [
      {
        oneOf: [{ required: ['path'] }, { required: ['code'] }],
        errorMessage: 'wasm needs one of "path" and "code", and not both',
      },
    ],
  },
)

export default definePlugin({
  name: 'wasm',
  priority: 1_998,
  schema,
  check(config) {
    const message = config.path === undefined ? undefined : readProblem(config.path)
    return message === undefined ? filterProblem(config) : { path: '/path', message }
  },
  create: (config, context) => createFilter('wasm', config, context),
})

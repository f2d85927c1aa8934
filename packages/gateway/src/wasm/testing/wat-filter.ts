import binaryen from 'binaryen'

/** A module in the text format, as its binary. */
export function wat(text: string): Buffer {
  const module = binaryen.parseText(text)
  // Without the types of garbage collection, which references would be written with.
  module.setFeatures(binaryen.Features.All & ~binaryen.Features.GC)
  const binary = Buffer.from(module.emitBinary())
  module.dispose()
  return binary
}

/**
 * The least that is a filter, with more: `imports` stand first, `body` behind. Memory has one page, of which the host gets what `malloc` gives from
 * 32,768 on; below 32,768 is the filter's.
 */
export const watFilter = (imports: string, body: string): Buffer =>
  wat(`(module
    ${imports}
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 32768))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "malloc") (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
      (local.get $at))
    ${body})`)

/** `(data …)` with text at an address. */
export const data = (at: number, text: string): string => `(data (i32.const ${at}) ${JSON.stringify(text)})`

import type { PluginDefinition } from '../plugins/definition.ts'
import { prepareDefaults } from '../plugins/plugin-registry.ts'

let imports = 0

/** Runs the code of a plugin (one bundled ES module) and takes what it exports. Throws what is wrong with it, in words. */
export async function importPlugin(file: string, code: string): Promise<PluginDefinition> {
  // The count makes the address new: Node answers an address that it knows from its memory.
  const address = `data:text/javascript;charset=utf-8,${encodeURIComponent(`${code}\n// ${file} ${++imports}`)}`
  const { default: exported } = (await import(/* @vite-ignore */ address)) as { default?: unknown }
  const problem = whatIsWrong(exported)
  if (problem !== undefined) throw new Error(`${file}: ${problem}`)
  await prepareDefaults(exported as PluginDefinition)
  return exported as PluginDefinition
}

function whatIsWrong(exported: unknown): string | undefined {
  if (exported === undefined || exported === null || typeof exported !== 'object') {
    return 'has no plugin as its default export; write "export default definePlugin({ … })"'
  }
  const { name, priority, schema, create } = exported as Partial<PluginDefinition>
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9_-]*$/.test(name)) {
    return '"name" must be lower-case letters, digits, "-" and "_"; write name: "my-plugin"'
  }
  if (typeof priority !== 'number') return '"priority" must be a number; higher runs first'
  if (schema === null || typeof schema !== 'object') return '"schema" must be a JSON Schema; write Type.Object({ … })'
  return typeof create === 'function' ? undefined : '"create" must be a function that returns the hooks'
}

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { explainSchema } from '../config/explain/explain.ts'
import { notBoth } from '../resources/constraints.ts'
import { withDefaults } from '../resources/defaults.ts'
import { type TSchema, Type } from '../schema/type.ts'
import { builtInNames, loadBuiltIn } from './built-in.ts'
import { definePlugin, type PluginDefinition } from './definition.ts'
import { leadingDocComment, renderPluginIndex, renderPluginPage } from './documentation.ts'
import { optionRows, type SchemaNode } from './schema-rows.ts'

const example = definePlugin({
  name: 'example',
  priority: 7,
  schema: Type.Object(
    {
      code: Type.Integer({ minimum: 200, maximum: 599, description: 'the status' }),
      mode: Type.Optional(Type.Enum(['a', 'b|c'], { default: 'b|c' })),
      names: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z`]+$' }), { minItems: 1, uniqueItems: true })),
      headers: Type.Optional(
        Type.Union(
          [
            Type.Object({
              set: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), { minProperties: 1 }),
              remove: Type.Optional(Type.Array(Type.String())),
            }),
            Type.Record(Type.String(), Type.String()),
          ],
          { description: 'what to do\nwith headers' },
        ),
      ),
      rules: Type.Optional(
        Type.Array(
          Type.Object(
            {
              count: Type.Number({ exclusiveMinimum: 0, multipleOf: 2 }),
              inner: Type.Optional(Type.Object({ on: Type.Boolean() })),
            },
            { dependentRequired: { count: ['inner'] } },
          ),
        ),
      ),
      rest: Type.Optional(Type.Unknown({ description: 'any value' })),
    },
    { allOf: [notBoth('"example"', 'mode', 'names')] },
  ),
  create: () => ({}),
})

describe('renderPluginPage', () => {
  it('has the comment, and a row for each option', () => {
    expect(renderPluginPage(example as PluginDefinition, 'Does something.\n\nCosts nothing.')).toBe(`\
<!-- Made from the source by scripts/plugin-docs.mjs: edit the doc comment or the schema there. -->

# example

Does something.

Costs nothing.

Priority 7.

## Options

| Name | Type | Required | Default | Bounds | Description |
| --- | --- | --- | --- | --- | --- |
| \`code\` | integer | yes |  | at least 200; at most 599 | the status |
| \`mode\` | string | no | \`"b\\|c"\` | one of \`a\`, \`b\\|c\` |  |
| \`names\` | list of string | no |  | at least 1 item; no item twice; each: matches \`\` ^[a-z\`]+$ \`\` |  |
| \`headers\` | object or map of string | no |  |  | what to do with headers |
| \`headers.set\` | map of string or number | yes |  | at least 1 key |  |
| \`headers.remove\` | list of string | no |  |  |  |
| \`rules\` | list of object | no |  |  |  |
| \`rules[].count\` | number | yes |  | more than 0; a multiple of 2 |  |
| \`rules[].inner\` | object | no |  |  |  |
| \`rules[].inner.on\` | boolean | yes |  |  |  |
| \`rest\` | anything | no |  |  | any value |

Refused as well:

- "example" has both "mode" and "names"
- \`count\` without \`inner\`
`)
  })

  it('has the options on consumers and the metadata of plugins that have such', () => {
    const auth = definePlugin({
      name: 'auth',
      priority: 1,
      type: 'auth',
      consumerKey: 'key',
      runPolicy: 'prefer_route',
      schema: Type.Object({}),
      consumerSchema: Type.Object({ key: Type.String({ minLength: 1 }) }),
      metadataSchema: Type.Object({ salt: Type.Optional(Type.String({ default: '`' })) }),
      create: () => ({}),
    })
    const page = renderPluginPage(auth as PluginDefinition, 'Lets in.')
    expect(page).toContain(
      'Priority 1. Recognises consumers; what they are recognised by is written on the consumer. No two consumers may have the same `key`. In a global rule it is skipped for routes that have it themselves.\n\n## Options\n\nThis plugin has no options.',
    )
    expect(page).toContain('## Options on a consumer\n\n| Name |')
    expect(page).toContain('| `key` | string | yes |  | at least 1 character |  |')
    expect(page).toContain('## Metadata (`plugin_metadata` with the id `auth`)\n\n')
    expect(page).toContain('| `salt` | string | no | `` "`" `` |  |  |')
  })
})

describe('renderPluginIndex', () => {
  it('lists plugins in the order in which they run', () => {
    const plugin = (name: string, priority: number, docComment: string) => ({
      definition: { ...example, name, priority } as PluginDefinition,
      docComment,
    })
    const index = renderPluginIndex([
      plugin('b', 1, 'Second, e.g. so.\nThird sentence | here.'),
      plugin('c', 2, 'First\nline: more\n\nParagraph.'),
      plugin('a', 1, 'Alone.'),
    ])
    expect(index.split('\n').slice(-5)).toEqual([
      '| --- | --- | --- |',
      '| [c](c.md) | 2 | First line: more |',
      '| [a](a.md) | 1 | Alone. |',
      '| [b](b.md) | 1 | Second, e.g. so. |',
      '',
    ])
  })
})

describe('leadingDocComment', () => {
  it.each([
    ['/** One line. */\ncode', 'One line.'],
    ['\n/**\n * Two\n *\n *   lines\n */\nimport x', 'Two\n\n  lines'],
    ['import x\n/** Of something else. */', undefined],
    ['/* no doc comment */', undefined],
    ['/** */', undefined],
  ])('%j', (source, expected) => {
    expect(leadingDocComment(source)).toBe(expected)
  })
})

/** Every configuration of a plugin in a document, whether on a consumer or elsewhere. */
function configurations(node: unknown, name: string, onConsumer = false): { config: object; onConsumer: boolean }[] {
  if (node === null || typeof node !== 'object') return []
  const found = Object.entries(node).flatMap(([key, child]) =>
    configurations(child, name, onConsumer || key === 'consumers'),
  )
  const config = (node as { plugins?: Record<string, object> }).plugins?.[name]
  return config === undefined ? found : [...found, { config, onConsumer }]
}

describe('the built-in plugins', () => {
  it.each(builtInNames())(
    '%s says what it is for, what each option does, and has an example that works',
    async (name) => {
      const definition = await loadBuiltIn(name)
      const docComment = leadingDocComment(readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8')) ?? ''
      expect(definition?.name).toBe(name)
      const options = optionRows(definition?.schema as SchemaNode)
      expect(options.filter(({ name: option, description }) => !/[.[]/.test(option) && description === '')).toEqual([])

      const example = /```yaml\n([^]*?)\n```/.exec(docComment)?.[1] ?? ''
      const found = configurations(parse(example), name)
      const { plugin_metadata: metadata = [] } = (parse(example) ?? {}) as { plugin_metadata?: { id: string }[] }
      // Some are configured on no route: they answer by public-api, or follow their metadata.
      const elsewhere = definition?.apis !== undefined || metadata.some(({ id }) => id === name)
      if (!elsewhere) expect(found).not.toEqual([])
      for (const { config, onConsumer } of found) {
        const schema = (onConsumer ? definition?.consumerSchema : undefined) ?? definition?.schema
        const { _meta: _, ...own } = config as { _meta?: unknown }
        expect(explainSchema(schema as TSchema, own, '')).toEqual([])
        if (!onConsumer) expect(definition?.check?.(withDefaults(schema as TSchema, own))).toBeUndefined()
      }
    },
  )
})

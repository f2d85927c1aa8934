import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfigText } from '@sekisho/gateway/internal/config/load'
import { PluginRegistry } from '@sekisho/gateway/internal/plugins/plugin-registry'
import { configurationFile, DEFAULT_FILES, MINIMAL_FILE } from './configuration-file.ts'
import { Failure } from './failure.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('takes the file that is named, whether or not it exists', () => {
  expect(configurationFile('other.yaml', folder)).toBe('other.yaml')
})

it('looks for YAML, JSON and TypeScript in this order', () => {
  for (const name of DEFAULT_FILES.toReversed()) {
    writeFileSync(join(folder, name), '')
    expect(configurationFile(undefined, folder)).toBe(join(folder, name))
  }
})

it('shows a file to begin with when there is none', () => {
  expect(() => configurationFile(undefined, folder)).toThrow(Failure)
  expect(() => configurationFile(undefined, folder)).toThrow(
    /sekisho\.yaml, sekisho\.json, sekisho\.config\.ts.*\n\n {4}listen: \[8080\]\n/,
  )
})

it('shows one that is valid', async () => {
  const { config, problems } = await loadConfigText('sekisho.yaml', MINIMAL_FILE, { plugins: new PluginRegistry() })
  expect(problems).toBeUndefined()
  expect(config?.resources.routes.size).toBe(1)
})

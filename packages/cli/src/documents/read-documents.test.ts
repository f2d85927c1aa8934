import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readDocuments } from './read-documents.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-documents-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function read(text: string): ReturnType<typeof readDocuments> {
  const file = join(folder, 'sekisho.yaml')
  writeFileSync(file, text)
  return readDocuments(file)
}

it('takes resources and settings apart', async () => {
  const text = 'listen: [8080]\nroutes: [{ uri: /a }, { id: b, uri: /b }]\n'
  expect(await read(text)).toMatchObject({
    settings: ['listen'],
    lists: {
      routes: [
        { id: expect.any(String) as string, uri: '/a' },
        { id: 'b', uri: '/b' },
      ],
    },
  })
})

it.each(['rout', 'constructor', 'toString'])('refuses the key "%s", which is none', async (key) => {
  expect(await read(`${key}: []\nroutes: []\n`)).toMatchObject({
    problems: [{ path: `/${key}`, line: 1, message: `unknown key "${key}"` }],
  })
})

it('does not take a file without lists for one that says that there are none', async () => {
  expect(await read('listen: [8080]\n')).toMatchObject({
    problems: [{ message: 'has no resources, and to apply it would delete all there are' }],
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { parse, parseAllDocuments } from 'yaml'
import { expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

interface Compose {
  readonly services: Readonly<Record<string, { readonly build: { readonly dockerfile: string } }>>
}

it('Compose builds images that are there', () => {
  const { services } = parse(read('docker-compose.yml')) as Compose
  for (const { build } of Object.values(services)) expect(read(`../../${build.dockerfile}`)).toMatch(/^FROM /m)
})

it('no image runs as root, each has a health check, and copies what is there or was built', () => {
  const names = readdirSync(new URL('../docker/', import.meta.url)).filter((name) => name.endsWith('.Dockerfile'))
  expect(names).toHaveLength(3)
  for (const name of names) {
    const text = read(`docker/${name}`)
    expect(text).toMatch(/^USER (node|nobody)$/m)
    expect(text).toMatch(/^HEALTHCHECK /m)
    for (const [, path] of text.matchAll(/^COPY (examples\S+) /gm)) {
      expect(() => readdirSync(new URL(`../../../${path}`, import.meta.url))).not.toThrow('ENOENT')
    }
  }
})

it('Kubernetes gets the configuration of this example', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/greeter.yaml')).map(
    (document) =>
      document.toJS() as {
        readonly kind: string
        readonly data?: Readonly<Record<string, string>>
      },
  )
  expect(documents.map(({ kind }) => kind)).toEqual(['Deployment', 'Service', 'ConfigMap', 'Deployment', 'Service'])
  const { routes } = parse(documents[2].data?.['sekisho.yaml'] ?? '') as { readonly routes: unknown }
  const example = parse(read('sekisho.yaml').replace('${{GREETER:=127.0.0.1:50051}}', 'greeter:50051')) as typeof routes
  expect({ routes }).toMatchObject({ routes: (example as { routes: unknown }).routes })
})

import { expect, onTestFinished, test } from 'vitest'
import { startGateway } from '../testing/start-gateway.ts'
import plugin from './attach-consumer-label.ts'
import { problemsOf } from './testing/mounted.ts'

test('labels of the consumer reach the upstream; what clients say in these fields does not', async () => {
  const label = { headers: { 'X-Dept': '$department', 'X-Role': '$role', 'X-Odd': '$constructor' } }
  const gateway = await startGateway({
    consumers: [
      { username: 'jack', labels: { department: 'devops' }, plugins: { 'key-auth': { key: 'jack' } } },
      { username: 'plain', plugins: { 'key-auth': { key: 'plain' } } },
    ],
    routes: [
      { uri: '/*', upstream_id: 'echo', plugins: { 'key-auth': {}, 'attach-consumer-label': label } },
      { uri: '/open', upstream_id: 'echo', plugins: { 'attach-consumer-label': label } },
    ],
  })
  onTestFinished(() => gateway.close())
  const forged = { 'x-dept': 'root', 'X-ROLE': 'root', 'x-odd': '1' }
  const seen = async (path: string, headers: Record<string, string>) => {
    const got = (await gateway.fetch(path, { headers: { ...forged, ...headers } })).json() as {
      headers: Record<string, string>
    }
    return [got.headers['x-dept'], got.headers['x-role'], got.headers['x-odd']]
  }
  expect(await seen('/', { apikey: 'jack' })).toEqual(['devops', undefined, undefined])
  expect(await seen('/', { apikey: 'plain' })).toEqual([undefined, undefined, undefined])
  expect(await seen('/open', {})).toEqual([undefined, undefined, undefined])
})

test('names that are none, and labels that are not written as such, are refused', () => {
  expect(problemsOf(plugin, { headers: { 'Content-Length': '$a' } })[0]).toContain('belongs to one connection')
  expect(problemsOf(plugin, { headers: { 'a b': '$a' } })[0]).toContain('is not a header name')
  expect(problemsOf(plugin, { headers: { 'X-A': 'a' } })[0]).toContain('must be "$" and the name of a label')
  expect(problemsOf(plugin, { headers: {} })).toHaveLength(1)
})

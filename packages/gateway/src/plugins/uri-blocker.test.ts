import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'uri-blocker': config },
})

describe('uri-blocker', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [
        route('/a/*', { block_rules: ['root.exe', 'root.m+', 'select.+(from|limit)', '/secret/'], rejected_msg: 'no' }),
        route('/quiet/*', { block_rules: ['x'], rejected_code: 404 }),
        route('/case/*', { block_rules: ['Root', '(?i)loud'], case_insensitive: false }),
        route('/nocase/*', { block_rules: ['Root', 'b'], case_insensitive: true }),
        route('/groups/*', { block_rules: ['(a)(b)\\2', '(c)\\1', '(?<n>d)\\k<n>'] }),
        route('/none/*', { block_rules: [] }),
      ],
    })
  })
  afterAll(() => gateway.close())

  const statusOf = async (path: string): Promise<number> => (await gateway.fetch(path)).status

  it.each([
    ['/a/root.exe', 403],
    ['/a/x?y=root.mmm', 403],
    ['/a/?name=;select%20from%20sys', 403],
    ['/a/ROOT.EXE', 200],
    ['/a/root.n', 200],
    // Written otherwise, and the same to whoever routes by it.
    ['/a/%72oot.exe', 403],
    ['/a/%73ecret/x', 403],
    ['/a/b/..//secret/', 403],
    ['/a/%2573ecret/', 200],
    ['/quiet/x', 404],
    ['/quiet/y', 200],
    ['/case/root', 200],
    ['/case/Root', 403],
    ['/case/LOUD', 403],
    ['/nocase/rOOT', 403],
    ['/nocase/B', 403],
    ['/groups/abb', 403],
    ['/groups/cc', 403],
    ['/groups/dd', 403],
    ['/groups/aba', 200],
    ['/none/root.exe', 200],
  ])('%s is answered %i', async (path, status) => {
    expect(await statusOf(path)).toBe(status)
  })

  it('says why where that is wanted', async () => {
    expect((await gateway.fetch('/a/root.exe')).json()).toEqual({ error_msg: 'no' })
    expect((await gateway.fetch('/quiet/x')).body).toBe('')
  })

  it.each([
    [{}, 'block_rules'],
    [{ block_rules: ['a', '('] }, '/block_rules/1'],
    [{ block_rules: ['a', 'a'] }, '/block_rules'],
    [{ block_rules: ['(a+)+$'] }, '/block_rules/0'],
    [{ block_rules: ['a'], rejected_code: 100 }, '/rejected_code'],
    [{ block_rules: ['a'], rejected_msg: '' }, '/rejected_msg'],
  ])('refuses %j', async (config, message) => {
    await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow(message)
  })
})

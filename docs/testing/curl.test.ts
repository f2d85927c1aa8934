import { afterAll, beforeAll, expect, it } from 'vitest'
import { startEcho, type EchoedRequest, type EchoUpstream } from '../../packages/gateway/src/testing/echo-upstream.ts'
import { curl } from './curl.ts'
import { splitWords } from './words.ts'

let echo: EchoUpstream
beforeAll(async () => {
  echo = await startEcho()
})
afterAll(() => echo.close())

async function ask(line: string, jars = new Map()): Promise<EchoedRequest> {
  const { body } = await curl(splitWords(line, {}), () => echo.port, jars)
  return JSON.parse(body) as EchoedRequest
}

it.each([
  ['http://shop.example:8080/a?b=1', { method: 'GET', url: '/a?b=1', body: '' }],
  ['--path-as-is http://x/a/../b', { url: '/a/../b' }],
  ["-d 'a=1' -d b=2 http://x/", { method: 'POST', body: 'a=1&b=2' }],
  ['-G -d a=1 --data-urlencode "b=c d" http://x/?z', { method: 'GET', url: '/?z&a=1&b=c%20d' }],
  [`--json '{"a":1}' -X PUT http://x/`, { method: 'PUT', body: '{"a":1}' }],
])('%s', async (line, expected) => expect(await ask(line)).toMatchObject(expected))

it.each([
  ['http://shop.example:8080/', { host: 'shop.example:8080', accept: '*/*' }],
  [
    "-u jack:a:b -A Bot/1 -e http://r/ -b 'x=1' http://x/",
    { authorization: 'Basic amFjazphOmI=', 'user-agent': 'Bot/1', referer: 'http://r/', cookie: 'x=1' },
  ],
  ["-H 'X-A: 1' -H 'X-A: 2' -H 'Host: other' http://x/", { 'x-a': '1, 2', host: 'other' }],
  ['-d a=1 http://x/', { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '3' }],
])('%s has fields', async (line, expected) => expect((await ask(line)).headers).toMatchObject(expected))

it('keeps cookies in a jar, and forgets them', async () => {
  const jars = new Map<string, Map<string, string>>()
  const set = (cookies: string) =>
    ask(`-c jar -b jar -H 'x-answer-headers: {"set-cookie":"${cookies}"}' http://x/`, jars)
  await set('a=1; Path=/; HttpOnly')
  expect((await set('b=2')).headers['cookie']).toBe('a=1')
  expect((await set('a=; Max-Age=0')).headers['cookie']).toBe('a=1; b=2')
  expect((await ask('-b jar http://x/', jars)).headers['cookie']).toBe('b=2')
})

it('refuses options that it does not know', async () => {
  await expect(ask('--proxy http://y/ http://x/')).rejects.toThrow('does not know the option --proxy')
})

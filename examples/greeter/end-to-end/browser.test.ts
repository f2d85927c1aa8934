import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGreeter, startGreeter } from '../src/start-greeter.ts'
import { freePort } from '../../../packages/cli/src/testing/free-port.ts'
import { type ExampleGateway, startExampleGateway } from './example-gateway.ts'
import { CHROMIUM, skipped, withoutChromium, withoutGrpcWeb } from './needs.ts'

const missing = [...withoutChromium, ...withoutGrpcWeb]

describe.skipIf(missing.length > 0)(`the page in Chromium, through the gateway${skipped(missing)}`, () => {
  let greeter: RunningGreeter
  let gateway: ExampleGateway
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    greeter = await startGreeter({ webPort: 0 })
    gateway = await startExampleGateway(greeter.port)
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-background-networking'],
    })
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${greeter.webPort}/?gateway=${gateway.url}`)
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
    greeter?.abort()
    await greeter?.stop()
  })

  interface Asked {
    readonly library: string
    readonly name?: string
    readonly count?: number
    readonly delayMs?: number
  }

  async function press(method: string, { library, name = 'Ada', count = 0, delayMs = 0 }: Asked): Promise<void> {
    await page.selectOption('#library', library)
    await page.fill('#name', name)
    await page.fill('#count', String(count))
    await page.fill('#delay', String(delayMs))
    await page.click(`button[value=${method}]`)
  }

  /** What stands on the page when the call has ended. */
  async function shown(): Promise<{ replies: string[]; status: string }> {
    await page.locator('#status.ended').waitFor()
    const replies = await page.locator('#replies li').allTextContents()
    return { replies, status: (await page.textContent('#status')) ?? '' }
  }

  it('is of another origin than the gateway', () => {
    expect(new URL(page.url()).origin).not.toBe(gateway.url)
  })

  describe.each(['grpc-web-text', 'grpc-web-binary', 'connect-binary'])('by %s', (library) => {
    it('shows the reply of a unary call', async () => {
      await press('SayHello', { library, name: 'Zoë 関所' })
      expect(await shown()).toEqual({ replies: ['Hello Zoë 関所'], status: 'OK (0)' })
    })

    it('shows the replies of a stream', async () => {
      await press('SayHelloStreamReply', { library, count: 3 })
      expect(await shown()).toEqual({
        replies: ['Hello Ada, 1 of 3', 'Hello Ada, 2 of 3', 'Hello Ada, 3 of 3'],
        status: 'OK (0)',
      })
    })

    it.each(['SayHello', 'SayHelloStreamReply'])('shows status and message of an error of %s', async (method) => {
      await press(method, { library, name: '' })
      expect(await shown()).toEqual({
        replies: [],
        status: 'INVALID_ARGUMENT (3): the name is empty; say who is there, as “Zoë” or 「関所」',
      })
    })
  })

  it.each(['grpc-web-text', 'connect-binary'])('shows replies as they come by %s, until cancelled', async (library) => {
    await press('SayHelloStreamReply', { library, count: 1000, delayMs: 50 })
    await page.locator('#replies li').nth(2).waitFor()
    expect(await page.textContent('#status')).toBe('…')
    await page.click('#cancel')
    expect((await shown()).status).toBe('CANCELLED (1): by you')
  })

  describe('when the service is gone', () => {
    let lonely: ExampleGateway
    beforeAll(async () => {
      lonely = await startExampleGateway(await freePort())
      await page.fill('#gateway', lonely.url)
    })
    afterAll(() => lonely?.stop())

    it.each(['grpc-web-text', 'grpc-web-binary', 'connect-binary'])('says so by %s', async (library) => {
      await press('SayHello', { library })
      expect((await shown()).status).toMatch(/^UNAVAILABLE \(14\): ./)
    })
  })
})

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../../packages/cli/src/testing/free-port.ts'
import { Sekisho, sekisho } from '../../../packages/cli/src/testing/sekisho.ts'
import { FakeS3 } from '../../../packages/functions/src/packages/s3/testing/fake-s3.ts'
import { zipOf } from '../../../packages/functions/src/end-to-end/testing/zip-of.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const ROWS = [
  { name: 'Ada', note: 'wrote "notes",\nand more', year: 1843 },
  { name: 'Grace', rank: null, tags: ['a', 'b'] },
]
const CSV = 'name,note,year,rank,tags\r\nAda,"wrote ""notes"",\nand more",1843,,\r\nGrace,,,,"[""a"",""b""]"\r\n'

let folder: string
let gateway: Sekisho
let address: string
let env: Record<string, string>
let s3: FakeS3

beforeAll(async () => {
  s3 = await FakeS3.start()
  folder = await mkdtemp(join(tmpdir(), 'zip-to-csv-'))
  const port = await freePort()
  const example = await readFile(here('sekisho.yaml'), 'utf8')
  const text = example
    .replace('[8080]', '["127.0.0.1:0"]\nmetrics: false')
    .replace('127.0.0.1:9190', `127.0.0.1:${port}`)
    .replace('driver: sandbox', 'driver: process')
  await writeFile(join(folder, 'sekisho.yaml'), text)
  gateway = new Sekisho(['start'], { cwd: folder })
  address = (await gateway.printed(/serving sekisho\.yaml on (http:[^,]+),/))[1]!
  const { endpoint, region, credentials } = s3.settings
  env = {
    AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}`,
    S3_ENDPOINT: endpoint,
    S3_BUCKET: s3.bucket,
    S3_ACCESS_KEY_ID: credentials.accessKeyId,
    S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    CARGO_TARGET_DIR: join(tmpdir(), 'sekisho-example-target'),
    REGION: region,
  }
})
afterAll(async () => {
  await gateway?.stop()
  await s3?.close()
  await rm(folder, { recursive: true, force: true })
})

const upload = (path: string, body: Buffer): Promise<Response> =>
  fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/zip' },
    body: new Uint8Array(body),
  })

const FIRST_BUILD_MS = 600_000

describe.each(['typescript', 'rust'])('a zip becomes CSV, in %s', (language) => {
  const skipped = language === 'rust' && process.env['TEST_RUST'] !== '1'
  const title = (text: string): string => (skipped ? `${text} (takes minutes: TEST_RUST=1)` : text)

  beforeAll(async () => {
    if (skipped) return
    const more = ['--network', 'host', '--env', `S3_REGION=${env['REGION']}`]
    const { status, stderr } = await sekisho(['fn', 'deploy', here(language), ...more], { env })
    expect(status, stderr).toBe(0)
  }, FIRST_BUILD_MS)
  beforeEach(() => s3.objects.clear())

  it.skipIf(skipped)(title('when the store tells that it is there'), async () => {
    const zip = await zipOf({ 'readme.txt': 'no', 'data/rows.json': JSON.stringify(ROWS) })
    s3.objects.set('in/a report.zip', { bytes: zip, modified: new Date() })
    const { stdout, stderr } = await sekisho(['fn', 'invoke', 'zip-to-csv', '-f', here('event.json')], { env })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ written: [{ key: 'in/a report.csv', rows: 2 }] })
    expect(s3.objects.get('in/a report.csv')?.bytes.toString()).toBe(CSV)
  })

  it.skipIf(skipped)(title('when it is sent to a route of the gateway'), async () => {
    const answer = await upload('/upload/people', await zipOf({ 'rows.json': JSON.stringify(ROWS) }))
    expect([answer.status, await answer.json()]).toEqual([201, { key: 'uploads/people.csv', rows: 2 }])
    expect(s3.objects.get('uploads/people.csv')?.bytes.toString()).toBe(CSV)
  })

  it.skipIf(skipped).each([
    ['no zip', () => Buffer.from('no zip'), /this is no zip/],
    ['no JSON', () => zipOf({ 'a.txt': '' }), /there is no \.json file in the zip/],
    ['no list', () => zipOf({ 'a.json': '{}' }), /the JSON is no list/],
    ['no objects', () => zipOf({ 'a.json': '[1]' }), /no list of objects/],
  ])(title('unless there is %s in what is sent'), async (_what, zip, message) => {
    const answer = await upload('/upload/x', await zip())
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ message: expect.stringMatching(message) })
    expect(s3.objects.size).toBe(0)
  })

  it.skipIf(skipped)(title('and fails when the store has no such zip'), async () => {
    const { status, stderr } = await sekisho(['fn', 'invoke', 'zip-to-csv', '-f', here('event.json')], { env })
    expect(status).toBe(1)
    expect(stderr).toMatch(/zip-to-csv failed/)
  })
})

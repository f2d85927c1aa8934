import { zipOf } from '../../../functions/src/packages/testing/zip-of.ts'
import { eventually } from './eventually.ts'

/** What the Node.js that runs the tests can run. */
export const OWN_RUNTIME = `nodejs${process.versions.node.split('.', 1)[0]}.x`

export interface Answer {
  readonly status: number
  /** Parsed JSON, which tests know the shape of. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
  readonly headers: Headers
}

/** Calls of the control API at one endpoint, as any SDK makes them. */
export class FunctionCalls {
  readonly endpoint: string

  constructor(endpoint: string) {
    this.endpoint = endpoint
  }

  async call(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(this.endpoint + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text), headers: answer.headers }
  }

  /** Makes a function of an `index.cjs`, and waits until it can be called. */
  async create(name: string, code: string, configuration: object = {}): Promise<void> {
    const zip = await zipOf({ 'index.cjs': code })
    const created = await this.call('POST', '/2015-03-31/functions', {
      FunctionName: name,
      Runtime: OWN_RUNTIME,
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/r',
      Timeout: 30,
      MemorySize: 256,
      ...configuration,
      Code: { ZipFile: zip.toString('base64') },
    })
    if (created.status !== 201) throw new Error(`${created.status} ${JSON.stringify(created.body)}`)
    await this.settled(name)
  }

  async updateCode(name: string, code: string, more: object = {}): Promise<Answer> {
    const zip = await zipOf({ 'index.cjs': code })
    const answer = await this.call('PUT', `/2015-03-31/functions/${name}/code`, {
      ZipFile: zip.toString('base64'),
      ...more,
    })
    await this.settled(name)
    return answer
  }

  invoke(name: string, event: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('POST', `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`, event, headers)
  }

  private async settled(name: string): Promise<void> {
    await eventually(
      () => this.call('GET', `/2015-03-31/functions/${name}/configuration`),
      ({ body }) => body.State === 'Active' && body.LastUpdateStatus !== 'InProgress',
    )
  }
}

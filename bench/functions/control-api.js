import { HttpConnection, requestBytes } from './http-connection.js'

const FUNCTIONS = '/2015-03-31/functions'

/**
 * What is deployed.
 * @typedef {object} Package
 * @property {string} runtime
 * @property {string} handler
 * @property {Buffer} zip
 */

/** The control API, as far as the benchmark needs it. */
export class ControlApi {
  #connection

  /** @param {HttpConnection} connection */
  constructor(connection) {
    this.#connection = connection
  }

  /** @param {number} port */
  static async open(port) {
    return new ControlApi(await HttpConnection.open(port))
  }

  /**
   * Returns when it can be invoked.
   * @param {string} name
   * @param {Package} code
   * @param {object} [settings] as of CreateFunction
   */
  async deploy(name, { runtime, handler, zip }, settings = {}) {
    await this.#call('POST', FUNCTIONS, {
      FunctionName: name,
      Role: 'arn:aws:iam::000000000000:role/benchmark',
      Runtime: runtime,
      Handler: handler,
      MemorySize: 1769,
      Timeout: 60,
      Code: { ZipFile: zip.toString('base64') },
      ...settings,
    })
    for (;;) {
      const { State: state } = JSON.parse((await this.#call('GET', `${FUNCTIONS}/${name}/configuration`)).body)
      if (state === 'Active') return
      if (state === 'Failed') throw new Error(`${name} could not be deployed`)
    }
  }

  /** @param {string} name */
  async remove(name) {
    await this.#call('DELETE', `${FUNCTIONS}/${name}`)
  }

  /**
   * @param {string} name
   * @param {object} event
   */
  async invoke(name, event) {
    const answer = await this.#connection.ask(invocation(name, event, 'X-Amz-Log-Type: Tail\r\n'))
    if (answer.status !== 200 || /\r\nx-amz-function-error:/i.test(answer.head)) {
      throw new Error(`${name} answered ${answer.status}: ${answer.body}`)
    }
    const tail = Buffer.from(/\r\nx-amz-log-result: *(\S+)/i.exec(answer.head)?.[1] ?? '', 'base64').toString()
    const init = /Init Duration: ([\d.]+) ms/.exec(tail)?.[1]
    return { body: answer.body, initMs: init === undefined ? undefined : Number(init) }
  }

  close() {
    this.#connection.close()
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async #call(method, path, body) {
    const headers = 'Content-Type: application/json\r\n'
    const request = requestBytes(method, path, body === undefined ? '' : JSON.stringify(body), headers)
    const answer = await this.#connection.ask(request)
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body}`)
    return answer
  }
}

/**
 * The bytes of an Invoke.
 * @param {string} name
 * @param {object} event
 * @param {string} [headers]
 */
export function invocation(name, event, headers) {
  return requestBytes('POST', `${FUNCTIONS}/${name}/invocations`, JSON.stringify(event), headers)
}

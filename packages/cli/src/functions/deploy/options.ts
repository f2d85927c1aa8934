import { Failure } from '../../failure.ts'
import type { EndpointOptions } from '../api/endpoint.ts'
import type { FunctionFile } from './settings-schema.ts'

/** What can be typed. */
export interface DeployOptions extends EndpointOptions {
  readonly name?: string
  readonly memory?: number
  readonly timeout?: number
  /** `NAME=VALUE`, or `NAME` for the value that it has in the shell. */
  readonly env?: readonly string[]
  readonly network?: 'none' | 'egress' | 'host'
  readonly runtime?: string
  readonly handler?: string
  readonly role?: string
  readonly url?: boolean
  readonly alias?: string
  readonly watch?: boolean
}

/** What is typed counts more than what the folder says. */
export function withOptions(file: FunctionFile, options: DeployOptions): FunctionFile {
  const { name, memory, timeout, network, runtime, handler, role, alias, url } = options
  const typed = { name, memory, timeout, network, runtime, handler, role, alias }
  const given = Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined))
  return { ...file, ...given, ...(url === true && (file.url === undefined || file.url === false) ? { url } : {}) }
}

export const VARIABLE_NAMES = 'a name has two or more letters, digits and "_", and begins with a letter'

/** Variables of `--env`. Throws Failure for what is none. */
export function typedVariables(
  list: readonly string[] = [],
  shell: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((text) => {
      const [, name = '', equals, value] = /^([a-zA-Z][a-zA-Z0-9_]+)(=)?([^]*)$/.exec(text) ?? []
      if (name === '' || (equals === undefined && value !== ''))
        throw new Failure(`--env "${text}" is not NAME=VALUE; ${VARIABLE_NAMES}`)
      const found = equals === undefined ? shell[name] : value
      if (found === undefined)
        throw new Failure(`--env ${name}: there is no variable ${name} here; write ${name}=VALUE`)
      return [name, found]
    }),
  )
}

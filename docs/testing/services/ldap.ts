import {
  FakeDirectory,
  INVALID_CREDENTIALS,
  SUCCESS,
} from '../../../packages/gateway/src/plugins/ldap/testing/fake-directory.ts'
import type { Service } from './service.ts'

/** A directory with one user, `cn=jack,ou=people,dc=example,dc=org`, whose password is `s3cret`. */
export async function start(): Promise<Service> {
  const directory = await FakeDirectory.start(({ dn, password }) =>
    password === '' || (dn === 'cn=jack,ou=people,dc=example,dc=org' && password === 's3cret')
      ? SUCCESS
      : INVALID_CREDENTIALS,
  )
  return { port: directory.port, close: () => directory.close() }
}

import { expect, test } from 'vitest'
import { parseListenAddress } from '../config/settings/listen.ts'
import { openFunctions } from './notices.ts'

type Functions = Parameters<typeof openFunctions>[0]
const at = (address: number | string, keys?: Functions['keys']) =>
  openFunctions({ address: parseListenAddress(address), keys } as Functions)

test.each(['127.0.0.1:9190', 'localhost:9190', '[::1]:9190', 'unix:/run/functions.sock'])(
  '%s is nobody else’s',
  (address) => {
    expect(at(address)).toBeUndefined()
  },
)

test.each([9190, '0.0.0.0:9190', '192.0.2.1:9190'])('functions on %s without keys are warned of', (address) => {
  expect(at(address)).toMatch(/open to other machines without "keys"/)
  expect(at(address, [{ access_key_id: 'a', secret_access_key: 'b' }])).toBeUndefined()
})

import { expect, test } from 'vitest'
import { signAws } from './sign-aws.ts'

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: undefined,
}
const time = new Date('2015-08-30T12:36:00Z')

const signatureOf = (headers: Record<string, string>): string => headers['authorization']!.split('Signature=')[1]!

// Vectors that AWS published with the algorithm ("aws-sig-v4-test-suite", and the example of the IAM guide).
test('get-vanilla', () => {
  const request = { method: 'GET', url: new URL('https://example.amazonaws.com/'), headers: {}, body: '' }
  const headers = signAws(request, credentials, { region: 'us-east-1', service: 'service', time })
  expect(headers['authorization']).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20150830\/us-east-1\/service\/aws4_request, SignedHeaders=host;x-amz-date, /,
  )
  expect(signatureOf(headers)).toBe('5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31')
})

test('a query and another header', () => {
  const url = new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08')
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
  const signed = signAws({ method: 'GET', url, headers, body: '' }, credentials, {
    region: 'us-east-1',
    service: 'iam',
    time,
  })
  expect(signatureOf(signed)).toBe('5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7')
})

import { describe, expect, it } from 'vitest'
import { MalformedAnswer } from './http-answer.ts'
import { StreamingPrelude } from './streaming-prelude.ts'

const NULS = '\0'.repeat(8)

describe('the prelude of a streamed answer', () => {
  const prelude = '{"statusCode":201,"headers":{"Content-Type":"text/html","X-A":"ż"},"cookies":["a=b"]}'
  const stream = Buffer.from(`${prelude}${NULS}\0\0body`)

  it('is taken off wherever the stream is cut', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const parser = new StreamingPrelude()
      const first = parser.push(stream.subarray(0, cut))
      const parsed = first ?? parser.push(stream.subarray(cut))
      if (parsed === undefined || parsed instanceof MalformedAnswer) throw new Error(`cut at ${cut}`)
      expect(parsed.head).toEqual({
        status: 201,
        headers: [
          ['Content-Type', 'text/html'],
          ['X-A', 'ż'],
          ['Set-Cookie', 'a=b'],
        ],
      })
      const rest = first === undefined ? parsed.rest : Buffer.concat([parsed.rest, stream.subarray(cut)])
      expect(rest.toString(), `cut at ${cut}`).toBe('\0\0body')
    }
  })

  it('is taken off byte by byte', () => {
    const parser = new StreamingPrelude()
    const results = [...stream.subarray(0, Buffer.byteLength(prelude) + 8)].map((byte) =>
      parser.push(Buffer.from([byte])),
    )
    expect(results.filter((result) => result !== undefined)).toHaveLength(1)
    expect(results.at(-1)).toMatchObject({ head: { status: 201 } })
  })

  it('has defaults', () => {
    expect(new StreamingPrelude().push(Buffer.from(`{}${NULS}`))).toMatchObject({
      head: { status: 200, headers: [['Content-Type', 'application/octet-stream']] },
    })
    expect(new StreamingPrelude().push(Buffer.from(`{"multiValueHeaders":{"a":["1","2"]}}${NULS}`))).toMatchObject({
      head: {
        headers: [
          ['a', '1'],
          ['a', '2'],
          ['Content-Type', 'application/octet-stream'],
        ],
      },
    })
  })

  it.each([
    [`nonsense${NULS}`, 'the prelude is no JSON'],
    [`[]${NULS}`, 'the prelude is no object'],
    [`{"statusCode":1}${NULS}`, '1 is no status'],
    [`{"headers":{"a":"\\n"}}${NULS}`, 'the value of header a has a control character'],
    [`{"multiValueHeaders":{"a":"b"}}${NULS}`, 'multiValueHeaders.a is no list'],
    ['x'.repeat(70_000), 'the prelude is longer than 65536 bytes'],
    [`${'x'.repeat(70_000)}${NULS}`, 'the prelude is longer than 65536 bytes'],
  ])('is malformed', (text, problem) => {
    expect(new StreamingPrelude().push(Buffer.from(text))).toEqual(new MalformedAnswer(problem))
  })
})

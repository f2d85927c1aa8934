import { describe, expect, it } from 'vitest'
import { MemorySocket, settle } from '../testing/memory-socket.ts'
import { corkForThisTurn, HELD, HIGH_WATER_MARK, sendBytes, sendChunk, sendLastChunk, SENT, STALLED } from './output.ts'

describe('bytes', () => {
  it('are sent, held or too many', () => {
    const socket = new MemorySocket()
    expect(sendBytes(socket.asSocket, Buffer.from('abc'))).toBe(SENT)
    socket.block()
    expect(sendBytes(socket.asSocket, Buffer.alloc(HIGH_WATER_MARK - 1))).toBe(HELD)
    expect(sendBytes(socket.asSocket, Buffer.from('x'))).toBe(STALLED)
    expect(socket.sent).toBe('abc')
  })

  it('are held while the socket is corked', async () => {
    const socket = new MemorySocket()
    corkForThisTurn(socket.asSocket)
    expect(sendBytes(socket.asSocket, Buffer.from('abc'))).toBe(HELD)
    await settle()
    expect(sendBytes(socket.asSocket, Buffer.from('def'))).toBe(SENT)
  })
})

describe('chunks', () => {
  it.each([1, 15, 16, 8_192, 8_193, 100_000])(
    'of %i bytes have their size in front, in one system call',
    async (size) => {
      const socket = new MemorySocket()
      sendChunk(socket.asSocket, Buffer.alloc(size, 0xe9))
      sendLastChunk(socket.asSocket, '')
      await settle()
      expect(socket.sent).toBe(`${size.toString(16)}\r\n${'é'.repeat(size)}\r\n0\r\n\r\n`)
      expect(socket.writes).toBe(1)
    },
  )

  it('end with the trailers', async () => {
    const socket = new MemorySocket()
    sendLastChunk(socket.asSocket, 'A: 1\r\nB: 2\r\n')
    await settle()
    expect(socket.sent).toBe('0\r\nA: 1\r\nB: 2\r\n\r\n')
  })

  it.each([10, 20_000])('are copied (%i bytes)', async (size) => {
    const socket = new MemorySocket()
    socket.block()
    const memory = Buffer.alloc(size, 'a')
    expect(sendChunk(socket.asSocket, memory)).toBe(SENT)
    memory.fill('b')
    await settle()
    socket.unblock()
    expect(socket.sent).toContain('a'.repeat(size))
  })
})

it('what is corked twice in one turn is still let go', async () => {
  const socket = new MemorySocket()
  corkForThisTurn(socket.asSocket)
  corkForThisTurn(socket.asSocket)
  socket.write('a')
  socket.write('b')
  await settle()
  expect([socket.sent, socket.writes, socket.writableCorked]).toEqual(['ab', 1, 0])
})

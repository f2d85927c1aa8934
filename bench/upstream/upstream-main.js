// The stand-in upstream: raw sockets, answers prepared beforehand. It reads a head up to its blank line and skips a
// body by its Content-Length; it is for a trusted benchmark on loopback and checks nothing else.
import { createServer } from 'node:net'
import { LARGE_BODIES, LETTERS, smallBody } from './bodies.js'

/** @param {Buffer} body */
const answer = (body) =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ])

const large = new Map(LARGE_BODIES.map(([name, length]) => [`/${name}`, answer(Buffer.alloc(length, 'x'))]))

/** @param {string} letter */
const serve = (letter) => {
  const small = answer(Buffer.from(smallBody(letter))).toString('latin1')
  return createServer({ noDelay: true }, (socket) => {
    let pending = ''
    socket.setEncoding('latin1').on('error', () => {})
    socket.on('data', (text) => {
      pending += text
      for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
        const length = /\r\ncontent-length: *(\d+)/i.exec(pending.slice(0, end))
        const total = end + 4 + Number(length?.[1] ?? 0)
        if (pending.length < total) return
        const path = pending.slice(pending.indexOf(' ') + 1, pending.indexOf(' HTTP/'))
        pending = pending.slice(total)
        const body = large.get(path)
        if (body === undefined) socket.write(small, 'latin1')
        else socket.write(body)
      }
    })
  })
}

/** @type {number[]} */
const ports = JSON.parse(process.argv[2])
for (const [index, port] of ports.entries()) serve(LETTERS[index]).listen(port, '127.0.0.1', 4096)

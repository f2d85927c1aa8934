// The upstream, as a program of its own: works on so many requests at a time, so many ms each; the others wait in line, without an end. Prints
// its port. With 0 slots it answers at once.
import { createServer } from 'node:net'

const [slots, ms] = process.argv.slice(2).map(Number)
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n'
const line = []
let busy = 0

/** A timer is late by up to a millisecond: what it took too long is taken off the next one, so that the capacity is what it should be. */
let owed = 0
function work(done) {
  busy++
  const from = performance.now()
  const wanted = Math.max(1, ms - owed)
  setTimeout(() => {
    owed = Math.max(0, Math.min(ms, performance.now() - from - wanted))
    busy--
    done()
    if (busy < slots) {
      const next = line.shift()
      if (next !== undefined) work(next)
    }
  }, wanted)
}

const server = createServer({ noDelay: true }, (socket) => {
  let text = ''
  socket.setEncoding('latin1').on('error', () => undefined)
  socket.on('data', (chunk) => {
    text += chunk
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      text = text.slice(end + 4)
      const done = () => {
        if (!socket.destroyed) socket.write(ANSWER, 'latin1')
      }
      if (slots === 0) done()
      else if (busy < slots) work(done)
      else line.push(done)
    }
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))

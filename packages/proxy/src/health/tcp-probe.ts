import { connect } from 'node:net'
import { connectTo, timed, type Probe } from './probe.ts'

/** A node is healthy that accepts connections. Nothing is sent. */
export const tcpProbe: Probe = (address, timeoutMs) =>
  timed(timeoutMs, (settle) => {
    const socket = connect(connectTo(address))
    socket.once('connect', () => settle('success', 'connected'))
    // Stays: a socket that is destroyed may have an error on its way.
    socket.on('error', (error) => settle('tcp_failure', error.message))
    // A reset and not an orderly end: nobody has to wait for the other side.
    return () => void socket.resetAndDestroy()
  })

import { nodePeer } from './node-peer.js'

export const httpProxy3 = nodePeer({ name: 'http-proxy-3', package: 'http-proxy-3', program: 'http-proxy-3-main.js' })

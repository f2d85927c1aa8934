import { nodePeer } from './node-peer.js'

export const undici = nodePeer({ name: 'undici', package: 'undici', program: 'undici-main.js' })

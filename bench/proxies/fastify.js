import { nodePeer } from './node-peer.js'

export const fastify = nodePeer({ name: 'fastify', package: '@fastify/http-proxy', program: 'fastify-main.js' })

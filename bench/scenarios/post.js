import { throughput } from './throughput.js'

/** @type {import('./scenario.js').Scenario} */
export const post = {
  name: 'post',
  title: 'POST of 1 KB',
  summary: '32 keep-alive connections, requests with 1,024 bytes of body, answers of 33 bytes.',
  run: throughput({ script: 'post.lua' }),
}

import { throughput } from './throughput.js'

/** @type {import('./scenario.js').Scenario} */
export const get = {
  name: 'get',
  title: 'plain GET',
  summary: '32 keep-alive connections, answers of 33 bytes.',
  run: throughput({}),
}

import { throughput } from './throughput.js'

/** @type {import('./scenario.js').Scenario} */
export const body64k = {
  name: 'body-64k',
  title: 'answers of 64 KB',
  summary: '32 keep-alive connections, GET of 65,536 bytes.',
  run: throughput({ path: '/64k', bytes: true }),
}

/** @type {import('./scenario.js').Scenario} */
export const body1m = {
  name: 'body-1m',
  title: 'answers of 1 MB',
  summary: '32 keep-alive connections, GET of 1,048,576 bytes.',
  run: throughput({ path: '/1m', bytes: true }),
}

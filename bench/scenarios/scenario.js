/**
 * @typedef {{ proxy: import('../proxies/proxy.js').Proxy, version: string }} Candidate
 *
 * @typedef {object} Bench
 * @property {readonly Candidate[]} candidates the proxies that take part, in the order of the tables
 * @property {number} rounds
 * @property {number} seconds of one measurement
 * @property {import('../upstream/upstream.js').Upstream} upstream
 * @property {import('../harness/workspace.js').Workspace} workspace
 * @property {import('../harness/progress.js').Progress} progress
 *
 * @typedef {object} Outcome
 * @property {readonly import('../report/table.js').Column[]} columns
 * @property {import('../report/table.js').Row[]} rows each with a `name`, which is a proxy's except in `router`
 * @property {string[]} notes
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {string} summary one paragraph, for the report
 * @property {readonly string[]} [proxies] who takes part; left out: all that speak HTTP/1.1; empty: none, it measures a part of ours alone
 * @property {(bench: Bench) => Promise<Outcome>} run
 */

/** The column that every table begins with. @type {import('../report/table.js').Column} */
export const NAME = { key: 'name', title: 'proxy', unit: 'text' }

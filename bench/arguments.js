import { parseArgs } from 'node:util'

/**
 * @typedef {object} Options
 * @property {string[]} scenarios empty: all
 * @property {string[]} only proxies; empty: all
 * @property {number} rounds
 * @property {number} seconds
 * @property {number} limitMinutes
 * @property {boolean} list
 * @property {boolean} help
 */

export const HELP = `npm run bench -- [scenario ...] [options]

  --only ours,nginx   only these proxies (the tables are then stored as results/partial.json)
  --rounds 3          how often every proxy is measured; the medians count
  --seconds 5         how long one measurement takes
  --limit 60          minutes after which everything is ended
  --list              scenarios and proxies, and which of these are installed
  --help              this text
`

/**
 * @param {string[]} args
 * @returns {Options}
 */
export function parseArguments(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      limit: { type: 'string', default: '60' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return {
    scenarios: positionals,
    only: (values.only ?? '').split(',').filter((name) => name !== ''),
    rounds: whole('--rounds', values.rounds, 100),
    seconds: whole('--seconds', values.seconds, 600),
    limitMinutes: whole('--limit', values.limit, 24 * 60),
    list: values.list,
    help: values.help,
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} largest
 */
function whole(name, text, largest) {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= largest) return value
  throw new Error(`${name} must be a whole number from 1 to ${largest}, not "${text}"`)
}

/**
 * What of a table was asked for by name; all of it when nothing was.
 * @template T
 * @param {string} kind for the message
 * @param {readonly T[]} table
 * @param {(entry: T) => string} nameOf
 * @param {readonly string[]} wanted
 */
export function choose(kind, table, nameOf, wanted) {
  const known = table.map(nameOf)
  const unknown = wanted.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no ${kind} "${unknown}"; there are ${known.join(', ')}`)
  return wanted.length === 0 ? [...table] : table.filter((entry) => wanted.includes(nameOf(entry)))
}

import { describe, expect, it } from 'vitest'
import { choose, parseArguments } from './arguments.js'

describe('parseArguments', () => {
  it('has the defaults that the help names', () => {
    expect(parseArguments([])).toEqual({
      scenarios: [],
      only: [],
      rounds: 3,
      seconds: 5,
      limitMinutes: 60,
      list: false,
      help: false,
    })
  })

  it('takes scenarios in any place, and proxies as a list', () => {
    const options = parseArguments(['get', '--only', 'ours,nginx', 'idle', '--rounds', '1', '--seconds', '2'])
    expect(options).toMatchObject({ scenarios: ['get', 'idle'], only: ['ours', 'nginx'], rounds: 1, seconds: 2 })
  })

  it.each(['0', '1.5', 'many', '1000'])('refuses --rounds %s', (rounds) => {
    expect(() => parseArguments(['--rounds', rounds])).toThrow('--rounds must be a whole number from 1 to 100')
  })

  it('refuses what it does not know', () => {
    expect(() => parseArguments(['--round', '1'])).toThrow('--round')
  })
})

describe('choose', () => {
  const table = ['get', 'post', 'idle']
  const itself = (name: string): string => name

  it('takes all when none is named, and keeps the order of the table', () => {
    expect(choose('scenario', table, itself, [])).toEqual(table)
    expect(choose('scenario', table, itself, ['idle', 'get'])).toEqual(['get', 'idle'])
  })

  it('names what there is when something is not', () => {
    expect(() => choose('scenario', table, itself, ['put'])).toThrow('no scenario "put"; there are get, post, idle')
  })
})

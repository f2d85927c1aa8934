import { describe, expect, it } from 'vitest'
import { type Results, type ScenarioResult, merge, renderResults } from './results.js'
import { judge } from './targets.js'

const machine = { cpu: 'Test CPU', cores: 2, memoryBytes: 2 ** 32, kernel: '6.1', node: '20.19.0', wrk: '4.1.0' }

const result = (name: string, rows: ScenarioResult['rows'], measuredAt = '2026-01-01T00:00:00Z'): ScenarioResult => ({
  name,
  title: `about ${name}`,
  summary: 'What was done.',
  measuredAt,
  rounds: 3,
  seconds: 5,
  versions: { nginx: '1.22.1' },
  columns: [{ key: 'name', title: 'proxy', unit: 'text' }],
  rows,
  notes: ['A note.'],
})

const results = (...scenarios: ScenarioResult[]): Results => ({ machine, scenarios })

describe('merge', () => {
  const order = ['get', 'post', 'idle']

  it('replaces what was measured again, keeps the rest, and sorts', () => {
    const old = results(result('get', [], 'old'), result('idle', [], 'old'))
    const merged = merge(results(result('post', [], 'new'), result('get', [], 'new')), old, order)
    expect(merged.scenarios.map(({ name, measuredAt }) => [name, measuredAt])).toEqual([
      ['get', 'new'],
      ['post', 'new'],
      ['idle', 'old'],
    ])
  })

  it('keeps nothing that another machine measured', () => {
    const old = { machine: { ...machine, cpu: 'Another' }, scenarios: [result('idle', [])] }
    expect(merge(results(result('get', [])), old, order).scenarios.map(({ name }) => name)).toEqual(['get'])
  })
})

describe('judge', () => {
  const rows = [
    { name: 'ours', requestsPerSecond: 70_000 },
    { name: 'nginx', requestsPerSecond: 100_000 },
    { name: 'undici', requestsPerSecond: 35_000 },
  ]

  it('holds our figures against the promises', () => {
    expect(judge([result('get', rows)])).toEqual([
      'kept: get: requests/s at least 0.65 of nginx: 0.70',
      "MISSED: get: requests/s at least 2.5 times undici's under node:http: 2.00",
    ])
  })

  it('does not take the load generator’s own delay for a proxy’s', () => {
    const latencies = (lateP99Micros: number, loadPart: number): ScenarioResult['rows'] => [
      { name: 'ours', p99Micros: 3_000, lateP99Micros: 100, loadPart },
      { name: 'nginx', p99Micros: 2_000, lateP99Micros, loadPart },
    ]
    expect(judge([result('latency-70', latencies(100, 0.7))])).toEqual([
      "kept: latency-70: p99 at most twice nginx's: 1.50",
    ])
    for (const rows of [latencies(1_500, 0.7), latencies(100, 0.5)]) {
      expect(judge([result('latency-70', rows)])[0]).toMatch(/^UNDECIDED/)
    }
  })

  it('takes the lower of rate and rate per CPU where the load may be the limit', () => {
    const rows = (ours: number, perCore: number): ScenarioResult['rows'] => [
      { name: 'ours', requestsPerSecond: ours, perCore },
      { name: 'nginx', requestsPerSecond: 60_000, perCore: 100_000 },
    ]
    expect(judge([result('websocket', rows(60_000, 70_000))])).toEqual([
      'kept: websocket: echoes/s at least 0.6 of nginx: 0.70',
    ])
    expect(judge([result('websocket', rows(30_000, 100_000))])).toEqual([
      'MISSED: websocket: echoes/s at least 0.6 of nginx: 0.50',
    ])
  })

  it('says so when ours took part and was left out', () => {
    const leftOut = { ...result('websocket', [{ name: 'nginx' }]), versions: { ours: '0.1.0', nginx: '1.22.1' } }
    expect(judge([leftOut])).toEqual(['NOT MEASURED: websocket: echoes/s at least 0.6 of nginx: ours was left out'])
  })

  it('says nothing about what was not measured', () => {
    expect(judge([result('get', rows.slice(1)), result('idle', [])])).toEqual([])
  })
})

describe('renderResults', () => {
  it('names the machine, the versions, the notes and the verdicts', () => {
    const text = renderResults(
      results(
        result('get', [
          { name: 'ours', requestsPerSecond: 66_000 },
          { name: 'nginx', requestsPerSecond: 100_000 },
        ]),
      ),
    )
    for (const part of [
      'Test CPU, 2 cores, 4 GiB',
      'Node.js 20.19.0',
      '## get: about get',
      'nginx 1.22.1',
      'A note.',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).toContain('- kept: get: requests/s at least 0.65 of nginx: 0.66')
  })
})

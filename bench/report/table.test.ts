import { describe, expect, it } from 'vitest'
import { formatValue, renderTable } from './table.js'

describe('renderTable', () => {
  it('pads a Markdown table so that it reads well as text', () => {
    const table = renderTable({
      columns: [
        { key: 'name', title: 'proxy', unit: 'text' },
        { key: 'rate', title: 'requests/s', unit: 'count' },
        { key: 'toNginx', title: 'to nginx', unit: 'ratio' },
      ],
      rows: [
        { name: 'ours', rate: 83_000.4, toNginx: 0.7545 },
        { name: 'http-proxy-3', rate: 14_000 },
      ],
    })
    expect(table.split('\n')).toEqual([
      '| proxy        | requests/s | to nginx |',
      '| ------------ | ---------: | -------: |',
      '| ours         |     83,000 |     0.75 |',
      '| http-proxy-3 |     14,000 |        - |',
    ])
  })

  it('keeps a cell in its cell', () => {
    const table = renderTable({ columns: [{ key: 'name', title: 'n', unit: 'text' }], rows: [{ name: 'a|b\nc' }] })
    expect(table.split('\n')[2]).toBe('| a\\|b c |')
  })
})

describe('formatValue', () => {
  it('shows three digits and the unit', () => {
    expect(formatValue(0.4011, 'millis')).toBe('0.401 ms')
    expect(formatValue(12.345, 'micros')).toBe('12.3 µs')
    expect(formatValue(1_285.4, 'micros')).toBe('1,285 µs')
    expect(formatValue(584, 'bytes')).toBe('0.570 KiB')
    expect(formatValue(110 * 1024 ** 2, 'bytes')).toBe('110 MiB')
    expect(formatValue(1024 ** 3, 'bytesPerSecond')).toBe('1,024 MiB/s')
    expect(formatValue(0.987, 'part')).toBe('99 %')
  })
})

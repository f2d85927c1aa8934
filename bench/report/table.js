/**
 * @typedef {'text' | 'count' | 'micros' | 'millis' | 'nanos' | 'bytes' | 'bytesPerSecond' | 'ratio' | 'part'} Unit
 * @typedef {{ key: string, title: string, unit: Unit }} Column
 * @typedef {Record<string, string | number | undefined>} Row
 * @typedef {{ columns: readonly Column[], rows: readonly Row[] }} Table
 */

/** @type {Record<Unit, (value: number) => string>} */
const FORMATS = {
  text: String,
  count: (value) => Math.round(value).toLocaleString('en-US'),
  micros: (value) => `${digits(value)} µs`,
  millis: (value) => `${digits(value)} ms`,
  nanos: (value) => `${digits(value)} ns`,
  bytes: (value) =>
    Math.abs(value) < 1024 * 1024 ? `${digits(value / 1024)} KiB` : `${digits(value / 1024 ** 2)} MiB`,
  bytesPerSecond: (value) => `${digits(value / 1024 ** 2)} MiB/s`,
  ratio: (value) => value.toFixed(2),
  part: (value) => `${Math.round(value * 100)} %`,
}

/**
 * A Markdown table, padded so that it reads as well on a terminal. What a row lacks is shown as a dash.
 * @param {Table} table
 */
export function renderTable({ columns, rows }) {
  const cells = rows.map((row) => columns.map((column) => cell(row[column.key], column.unit)))
  const widths = columns.map((column, index) =>
    Math.max(3, column.title.length, ...cells.map((row) => row[index].length)),
  )
  /** @param {readonly string[]} texts */
  const line = (texts) => `| ${texts.map((text, index) => pad(text, widths[index], columns[index].unit)).join(' | ')} |`
  const rule = columns.map((column, index) => '-'.repeat(widths[index] - 1) + (column.unit === 'text' ? '-' : ':'))
  return [line(columns.map((column) => column.title)), line(rule), ...cells.map(line)].join('\n')
}

/**
 * @param {string | number | undefined} value
 * @param {Unit} unit
 */
function cell(value, unit) {
  if (value === undefined || Number.isNaN(value)) return '-'
  if (typeof value === 'string') return value.replaceAll('|', '\\|').replaceAll('\n', ' ')
  return formatValue(value, unit)
}

/**
 * @param {number} value
 * @param {Unit} unit
 */
export function formatValue(value, unit) {
  return FORMATS[unit](value)
}

/**
 * Text to the left, numbers to the right.
 * @param {string} text
 * @param {number} width
 * @param {Unit} unit
 */
function pad(text, width, unit) {
  return unit === 'text' ? text.padEnd(width) : text.padStart(width)
}

/** Three significant digits, but no rounding of whole numbers: 0.123, 1.23, 12.3, 123, 12,345. @param {number} value */
function digits(value) {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

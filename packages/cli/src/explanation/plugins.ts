import type { ExplainedPlugin, PluginOutcome, RequestExplanation } from '@sekisho/gateway/internal/explain/index'
import { indented, table } from './text.ts'

const MARKS: Readonly<Record<PluginOutcome, string>> = {
  runs: ' ',
  answers: '>',
  undecided: '?',
  filtered: '-',
  skipped: '-',
}

/** The plugins in the order in which they run, one phase after the other. */
export function renderPlugins({ refused, phases, idlePlugins, consumer }: RequestExplanation): string {
  if (refused !== undefined) return ''
  const running = phases.flatMap(({ phase, plugins }) =>
    plugins.map((plugin, at) => row(at === 0 ? phase : '', plugin)),
  )
  const idle = idlePlugins.map(({ name, place, why }, at) => [at === 0 ? 'not run' : '', '-', name, '', place, why])
  const known = consumer === undefined ? '' : `; the caller is consumer ${consumer}`
  if (running.length + idle.length === 0) return `Plugins: none${known}\n`
  return `Plugins, in the order in which they run${known}\n${indented(table([...running, ...idle]))}`
}

function row(phase: string, { name, place, priority, outcome, note }: ExplainedPlugin): string[] {
  return [phase, MARKS[outcome], name, String(priority), place, note ?? said(outcome)]
}

function said(outcome: PluginOutcome): string {
  if (outcome === 'answers') return 'answers the request'
  return outcome === 'skipped' ? 'not reached' : ''
}

import { expect, it } from 'vitest'
import { program } from './program.ts'

function helpOf(name?: string): string {
  const sekisho = program()
  const command = name === undefined ? sekisho : sekisho.commands.find((each) => each.name() === name)
  let text = ''
  command?.configureOutput({ writeOut: (part) => (text += part) }).outputHelp()
  return text
}

it('teaches: a sentence, the commands, an example of each', () => {
  const help = helpOf()
  expect(help).toContain('A programmable API gateway')
  for (const name of ['dev', 'start', 'check', 'explain', 'apply', 'import']) {
    expect(help).toMatch(new RegExp(`^  ${name} .*\\w{3}`, 'm'))
    expect(help).toContain(`  sekisho ${name}`)
  }
})

it('says nothing of the command that only sekisho itself types', () => {
  expect(helpOf()).not.toMatch(/^  settings/m)
})

const COMMANDS = [
  'dev',
  'start',
  'check',
  'explain',
  'apply',
  'diff',
  'export',
  'history',
  'rollback',
  'backup',
  'import',
]

it.each(COMMANDS)('sekisho %s --help has an example', (name) => {
  expect(helpOf(name)).toMatch(new RegExp(`Examples?:\n  sekisho ${name}`))
})

it.each([
  ['fn', ['new', 'deploy', 'invoke', 'logs', 'list', 'delete', 'doctor', 'engine']],
  ['plugin', ['new', 'docs']],
])('teaches the commands of %s, too', (group, names) => {
  const fn = program().commands.find((each) => each.name() === group)
  const texts = (fn?.commands ?? []).map((command) => {
    let text = ''
    command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp()
    return [command.name(), text] as const
  })
  expect(texts.map(([name]) => name)).toEqual(names)
  for (const [name, text] of texts) {
    expect(text).toMatch(new RegExp(`Examples?:\n  sekisho ${group} ${name}`))
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  }
})

it('has help that fits a terminal of 120 columns', () => {
  for (const name of [undefined, ...COMMANDS]) {
    expect(
      Math.max(
        ...helpOf(name)
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(120)
  }
})

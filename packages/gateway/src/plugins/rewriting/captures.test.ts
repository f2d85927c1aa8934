import { describe, expect, it } from 'vitest'
import { ExpressionError } from '../../expressions/index.ts'
import { CaptureTemplate } from './captures.ts'

const match = (regex: RegExp, text: string): RegExpExecArray => {
  const found = regex.exec(text)
  if (found === null) throw new Error('the test made an expression that does not match')
  return found
}

describe('CaptureTemplate', () => {
  it.each([
    ['/$2-$1', '/b-a'],
    ['/${2}0${1}', '/b0a'],
    ['$0!', 'a/b!'],
    ['$$1', '$1'],
    ['$$', '$'],
    ['$3$9|$10|$100', '||'],
    ['no captures', 'no captures'],
    ['', ''],
    ['$1$1', 'aa'],
  ])('%s', (template, expected) => {
    const regex = /(\w)\/(\w)(x)?/
    const captures = new CaptureTemplate(template, '')
    expect(captures.expand(match(regex, 'a/b'))).toBe(expected)
    expect('a/b'.replace(regex, captures.toReplacement(regex))).toBe(expected)
  })

  it('reads all digits as one number, as nginx does', () => {
    const regex = new RegExp('(.)'.repeat(11))
    const captures = new CaptureTemplate('$10.${1}0.$11', '')
    expect(captures.expand(match(regex, 'abcdefghijk'))).toBe('j.a0.k')
    expect('abcdefghijk'.replace(regex, captures.toReplacement(regex))).toBe('j.a0.k')
  })

  it('gives String.replace nothing of its own to find', () => {
    const regex = /(?<name>a)/
    const template = '$$& $$` $$<name> $$01'
    expect('a'.replace(regex, new CaptureTemplate(template, '').toReplacement(regex))).toBe('$& $` $<name> $01')
  })

  it('passes captures through an escape, not the text between them', () => {
    const captures = new CaptureTemplate('&x=$1', '')
    expect(captures.expand(match(/(.*)/, '&'), encodeURIComponent)).toBe('&x=%26')
  })

  it.each([
    ['/$uri', '"$uri" is a variable, which cannot stand here; only captures such as "$1" can ("$$" is a dollar sign)'],
    ['${uri}', '"$uri" is a variable, which cannot stand here; only captures such as "$1" can ("$$" is a dollar sign)'],
    ['a$', 'has a "$" that stands for nothing; write "$1" for a capture, "$$" for a dollar sign'],
    ['${1', 'has a "$" that stands for nothing; write "$1" for a capture, "$$" for a dollar sign'],
    ['$-', 'has a "$" that stands for nothing; write "$1" for a capture, "$$" for a dollar sign'],
  ])('refuses %s', (template, reason) => {
    expect(() => new CaptureTemplate(template, '/1')).toThrow(new ExpressionError('/1', reason))
  })
})

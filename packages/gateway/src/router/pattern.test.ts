import { describe, expect, it } from 'vitest'
import { fitsTail, parsePattern, PatternError } from './pattern.ts'

describe('parsePattern', () => {
  it.each([
    ['/', { literals: ['/'], parameters: [], wildcard: false }],
    ['/a/b', { literals: ['/a/b'], parameters: [], wildcard: false }],
    ['/v1/things:batch', { literals: ['/v1/things:batch'], parameters: [], wildcard: false }],
    ['*', { literals: [''], parameters: [], wildcard: true, wildcardName: undefined }],
    ['/*', { literals: ['/'], parameters: [], wildcard: true, wildcardName: undefined }],
    ['/a*', { literals: ['/a'], parameters: [], wildcard: true }],
    ['/a/*rest', { literals: ['/a/'], parameters: [], wildcard: true, wildcardName: 'rest' }],
    ['/a/:id', { literals: ['/a/', ''], parameters: ['id'], wildcard: false }],
    ['/a/:id/', { literals: ['/a/', '/'], parameters: ['id'], wildcard: false }],
    ['/a/:id/*', { literals: ['/a/', '/'], parameters: ['id'], wildcard: true }],
    ['/:a/:b-c/edit', { literals: ['/', '/', '/edit'], parameters: ['a', 'b-c'], wildcard: false }],
    ['/a/*/b', { literals: ['/a/'], wildcard: true, tail: { pieces: ['/b'], open: false } }],
    ['/a/*/b/*/c/', { literals: ['/a/'], wildcard: true, tail: { pieces: ['/b/', '/c/'], open: false } }],
    ['/a/*/b/*', { literals: ['/a/'], wildcard: true, tail: { pieces: ['/b/'], open: true } }],
    ['/a/*/b*', { literals: ['/a/'], wildcard: true, tail: { pieces: ['/b'], open: true } }],
  ])('reads %s', (text, expected) => {
    expect(parsePattern(text)).toMatchObject({ text, ...expected })
  })

  it.each([
    ['', 'is empty; write "/*" for every path'],
    ['a/b', 'must start with "/"; write "/a/b"'],
    ['**', 'must start with "/"; write "/**"'],
    ['/a//b', 'has an empty segment; slashes in a request are merged, so write one'],
    ['/a/../b', 'has the segment "..", which is resolved before routes are matched'],
    ['/a/.', 'has the segment ".", which is resolved before routes are matched'],
    ['/a/:', 'has a bad parameter ":": a parameter takes a whole segment, as ":" and letters, digits, "_" or "-"'],
    [
      '/a/:id.json',
      'has a bad parameter ":id.json": a parameter takes a whole segment, as ":" and letters, digits, "_" or "-"',
    ],
    ['/:id*', 'has a bad parameter ":id*": a parameter takes a whole segment, as ":" and letters, digits, "_" or "-"'],
    ['/:id/a/:id', 'has the parameter "id" twice'],
    ['/:id/*id', 'has the parameter "id" twice'],
    ['/a/*rest/b', 'has something after "*rest", which takes all the rest of the path'],
    ['/a/*re.st', 'has a bad wildcard "*re.st": after "*" comes its name in letters, digits, "_" or "-"'],
    ['/a*b', 'has a "*" inside a segment; it must be the last character or a whole segment'],
    ['/a*/b', 'has a "*" inside a segment; it must be the last character or a whole segment'],
    ['/a/**', 'has a bad wildcard "**": after "*" comes its name in letters, digits, "_" or "-"'],
    ['/a/*/b*c', 'has a "*" inside a segment; it must be the last character or a whole segment'],
    ['/a/*/:id', 'has the parameter ":id" after "*"; parameters must come first'],
    ['/a/*//b', 'has an empty segment; slashes in a request are merged, so write one'],
    ['/a/*/..', 'has the segment "..", which is resolved before routes are matched'],
    [Array.from({ length: 65 }, (_, index) => `/:p${index}`).join(''), 'has more than 64 parameters'],
  ])('refuses %j', (text, reason) => {
    expect(() => parsePattern(text)).toThrow(PatternError)
    expect(() => parsePattern(text)).toThrow(reason)
  })

  it('refuses what is too long, and does not repeat all of it', () => {
    expect(() => parsePattern(`/${'a'.repeat(4096)}`)).toThrow(/^"\/a{78}…" is longer than 4096 characters$/)
    expect(parsePattern(`/${'a'.repeat(4095)}`).wildcard).toBe(false)
  })
})

describe('fitsTail', () => {
  it('takes linear time on a path made to backtrack', () => {
    const path = '/b'.repeat(4000)
    let looks = 0
    const counting = { pieces: ['/b/', '/b/', '/b/', '/b/', '/c'], open: false }
    const probe = {
      indexOf: (piece: string, from: number) => (looks++, path.indexOf(piece, from)),
      length: path.length,
      endsWith: () => false,
    }
    expect(fitsTail(counting, probe as unknown as string, 0)).toBe(false)
    expect(looks).toBe(4)
  })

  it('lets no two pieces overlap', () => {
    expect(fitsTail({ pieces: ['/b'], open: false }, '/a/b', 3)).toBe(false)
    expect(fitsTail({ pieces: ['/ab', '/ab'], open: false }, '/ab', 0)).toBe(false)
    expect(fitsTail({ pieces: ['/ab', '/ab'], open: false }, '/ab/ab', 0)).toBe(true)
  })
})

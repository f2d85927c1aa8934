import { describe, expect, it } from 'vitest'
import { checkBacktracking } from './check-backtracking.ts'

describe('checkBacktracking', () => {
  it.each([
    '^(\\d+\\.)+$',
    '^[a-z]+(-[a-z]+)*$',
    '^/api/(v\\d+/)?.*$',
    '^/old/(.*)',
    '^/api/v(\\d+)/(.*)',
    '(a+)+',
    '(a|a)*',
    '.*',
    '^/(.*)/(.*)$',
    '.*Googlebot.*',
    '^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$',
    '^\\s+|\\s+$',
    '^(a|b|ab)$',
    '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
    '^(?=.*[A-Z])(?=.*\\d).{8,64}$',
    '(?:curl|wget)/(\\d+\\.)*\\d+',
    '^.{1,4096}$',
    '^(\\w+)=("[^"]*"|\\w*)$',
    '(["\']).*?\\1',
    '^(\\w+:)?//([^/]+)(/.*)?$',
    '^https?://([a-z0-9-]+\\.)*example\\.com(:\\d+)?$',
    '(iPhone|iPad).*OS (\\d+)_.*Safari',
    '^.*foo.*bar$',
    '\\.(?:jpe?g|png|gif|css|js)$',
    '(?<year>\\d{4})-\\k<year>',
    'a{,3}{',
    '(^a|b)+$',
  ])('accepts %s', (source) => {
    expect(checkBacktracking(source, '')).toBeUndefined()
  })

  it.each([
    '(a+)+$',
    '(a|a)*b',
    '(a|aa)+$',
    '(.*)*x',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(?:a*)*$',
    '(a?a?)*$',
    '(\\w|\\d)+$',
    '([a-c]|[b-d])*!',
    '^(\\w+\\s?)*$',
    '(x+x+)+y',
    '((a{1,5}){1,5})*$',
    '(x(a*|b*|c*))*$',
    '(a+)\\1+$|(?:(a|a)+\\2)+$',
    '(?=(a+)+$)x',
    '(?<!(a|a)*b)x',
    'x((a+)+$|)',
    '(a?){30}a{30}',
    '(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)$',
    'a*a*a*a*$',
    '^a*a*a*a*$',
    '((a{1,32}){1,32})$',
    '(?:[^\\u4e00-\\u9fff]|[\\u9ff0-\\uffff]|\\u9ff5)+$',
    '^((ab)*|a(ba)*b)*$',
  ])('refuses %s', (source) => {
    expect(checkBacktracking(source, '')).toMatch(/can (take|match)|too complex/)
  })

  it.each([
    ['^(\\w+\\s?)*$', '^(\\w+(\\s\\w+)*\\s?)?$'],
    ['^([a-z]|[a-z0-9])+$', '^[a-z0-9]+$'],
    ['^/.*/.*/.*$', '^/[^/]*/[^/]*/.*$'],
    ['.*foo.*bar$', '^.*foo.*bar$'],
    ['(a+)+$', '(a+,)+$'],
  ])('for %s takes %s', (refused, instead) => {
    expect(checkBacktracking(refused, '')).toBeDefined()
    expect(checkBacktracking(instead, '')).toBeUndefined()
  })

  it('minds the flags', () => {
    expect(checkBacktracking('(?:a|A)+$', '')).toBeUndefined()
    expect(checkBacktracking('(?:a|A)+$', 'i')).toContain('exponential')
    expect(checkBacktracking('(?:.|\\n)+$', '')).toBeUndefined()
    expect(checkBacktracking('(?:.|\\n)+$', 's')).toContain('exponential')
  })

  it('says which part it is', () => {
    expect(checkBacktracking('^/x/(a+)+$', '')).toMatch(
      /^can take exponential time: "\(a\+\)\+" can match the same text/,
    )
    expect(checkBacktracking('\\d*\\d*\\d*$', '')).toMatch(
      /^can take time that grows with the 4th power of the text's length: "\\\\d\*", "\\\\d\*", "\\\\d\*" can .*, begin it with \^$/,
    )
  })

  it.each([
    ['groups in groups', `${'('.repeat(101)}a${')'.repeat(101)}*$`],
    ['repetitions of repetitions', '^(((a{30}){30}){30}){30}$'],
    [
      'many alternatives in a repetition',
      `^(${Array.from({ length: 400 }, (_none, index) => `x${index}`).join('|')})*$`,
    ],
    ['many optional parts', `^${'a?'.repeat(2000)}$`],
    ['many repetitions', `^${'.*x'.repeat(1000)}$`],
    ['many look-arounds', '(?=(?=(?=(?=a*))))*'.repeat(40)],
  ])('is done in time with %s', (_name, source) => {
    const before = performance.now()
    checkBacktracking(source, '')
    // Some 100 ms at most when nothing else runs.
    expect(performance.now() - before).toBeLessThan(3000)
  })
})

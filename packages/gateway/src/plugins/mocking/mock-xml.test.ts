import { expect, it } from 'vitest'
import { isXmlName, toXml } from './mock-xml.ts'

it('writes data as elements', () => {
  const data = { a: 'x < y & "z"\0', b: [1, 2], c: { d: true, e: [{ f: 1 }, { f: 2 }] }, g: {}, h: [[1], [2]] }
  expect(toXml('data', data)).toBe(
    [
      '<data>',
      '  <a>x &lt; y &amp; "z"</a>',
      '  <b>1</b>',
      '  <b>2</b>',
      '  <c>',
      '    <d>true</d>',
      '    <e>',
      '      <f>1</f>',
      '    </e>',
      '    <e>',
      '      <f>2</f>',
      '    </e>',
      '  </c>',
      '  <g>',
      '  </g>',
      '  <h>1</h>',
      '  <h>2</h>',
      '</data>',
      '',
    ].join('\n'),
  )
})

it('knows names', () => {
  expect(['a', '_a', 'a-b.c_1', 'größe'].every(isXmlName)).toBe(true)
  expect(['', '1a', '-a', 'a b', 'a:b', 'xml', 'XMLa', 'a>'].some(isXmlName)).toBe(false)
})

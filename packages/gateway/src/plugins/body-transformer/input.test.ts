import fc from 'fast-check'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { describe, expect, it } from 'vitest'
import { decodeInput, formatOf, type InputFormat } from './input.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const BOUNDARY = 'b0undary'
const MULTIPART = `multipart/form-data; boundary=${BOUNDARY}`

const decode = (format: InputFormat, body: string, type = MULTIPART): unknown => {
  const decoded = decodeInput(format, body, type, body)
  // Without its prototypes, to be compared.
  return 'problem' in decoded ? decoded.problem : (JSON.parse(JSON.stringify(decoded.value)) as unknown)
}

const part = (name: string, value: string): string =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`

describe('XML', () => {
  it.each([
    ['<a>x</a>', { a: 'x' }],
    [
      '<?xml version="1.0"?><!-- <!DOCTYPE x> --><s:a xmlns:s="u"><s:b> y </s:b><c/></s:a>',
      { a: { _attr: { s: 'u' }, b: 'y', c: '' } },
    ],
    ['<a><b>1</b><b>2</b><b><c>3</c></b></a>', { a: { b: ['1', '2', { c: '3' }] } }],
    ['<a b="1" s:c="2">text</a>', { a: { _attr: { b: '1', c: '2' }, '1': 'text' } }],
    ['<a>007</a>', { a: '007' }],
    ['<a>&lt;&amp;&#65;&#x42;<![CDATA[<b>&amp;]]></a>', { a: '<&AB<b>&amp;' }],
  ])('%s', (text, expected) => {
    expect(decode('xml', text)).toEqual(expected)
  })

  it.each([
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'DOCTYPE'],
    ['<?xml version="1.0"?>\n<!-- c --><!doctype a SYSTEM "file:///etc/passwd"><a/>', 'DOCTYPE'],
    ['<a>', 'is not XML'],
    ['<a></b>', 'is not XML'],
    ['{"a":1}', 'is not XML'],
    ['', 'there is no element'],
    ['<a/><b/>', 'second element'],
    ['<a/>x', 'outside'],
    ['<a x="1" x="2"/>', 'twice'],
    ['<a x=1/>', 'does not belong'],
    ['<a x="<"/>', 'does not belong'],
    ['<a>&nbsp;</a>', 'begins no reference'],
    ['<a>a & b</a>', 'begins no reference'],
    ['<a>&#0;</a>', 'is no character'],
    ['<a>&#xD800;</a>', 'is no character'],
    ['<a>\u0001</a>', 'does not have'],
    ['<a><!-- a -- b --></a>', 'comment'],
    ['<a>]]></a>', 'cannot stand'],
    ['<![CDATA[x]]>', 'no markup'],
    ['<1/>', 'no name'],
    ['<a\n>\n<b></a>', 'line 3, column 4: </b> is expected'],
    [`${'<a>'.repeat(200)}${'</a>'.repeat(200)}`, 'is not XML'],
  ])('refuses %s', (text, message) => {
    expect(decode('xml', text)).toContain(message)
  })

  it('knows no names of JavaScript', () => {
    decode('xml', '<__proto__><polluted>1</polluted></__proto__>')
    decode('xml', '<a><constructor><prototype polluted="1"/></constructor></a>')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it(`takes apart or refuses whatever comes (SEED=${seed})`, () => {
    const piece = fc.constantFrom(
      '<a>',
      '</a>',
      '<a b="c">',
      '<a',
      '/>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?x',
      '?>',
      '&lt;',
      '&#',
      ';',
      '"',
      '<__proto__>',
      'text',
      ' ',
      '<!DOCTYPE',
      '\u0000',
      'é',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const decoded = decodeInput('xml', pieces.join(''), undefined, '')
        return 'problem' in decoded || typeof decoded.value === 'object'
      }),
      { seed, numRuns: 2_000 },
    )
  })
})

/** The same by another reader. */
function otherTree(nodes: Record<string, unknown>[]): [Record<string, unknown>, string] {
  const made: Record<string, unknown> = {}
  let text = ''
  for (const node of nodes) {
    const name = Object.keys(node).find((one) => one !== ':@')!
    if (name === '#text') text += String(node['#text'])
    else {
      const [inner, own] = otherTree(node[name] as Record<string, unknown>[])
      const attributes = node[':@'] as Record<string, unknown> | undefined
      if (attributes !== undefined) inner['_attr'] = attributes
      if (Object.keys(inner).length > 0 && own !== '') inner['1'] = own
      const value = Object.keys(inner).length === 0 ? own : inner
      const known = made[name]
      made[name] =
        known === undefined ? value : Array.isArray(known) ? [...(known as unknown[]), value] : [known, value]
    }
  }
  return [made, text]
}

it(`XML is read as fast-xml-parser reads it (SEED=${seed})`, () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'é', '1', '&lt;', '&amp;', '&#65;', '<!-- c -->', '<?p?>', '<![CDATA[<&]]>'),
    maxLength: 4,
  })
  const name = fc.constantFrom('a', 'b', 'c-d', 'é')
  const attributes = fc.dictionary(name, fc.constantFrom('', '1', '&quot;', 'a b'), {
    maxKeys: 2,
    noNullPrototype: true,
  })
  const element = fc.letrec<{ all: string }>((tie) => ({
    all: fc
      .tuple(
        name,
        attributes,
        fc.oneof(
          { depthSize: 'small', withCrossShrink: true },
          text,
          fc.array(fc.oneof(tie('all'), text), { maxLength: 4 }).map((parts) => parts.join('\n')),
        ),
      )
      .map(
        ([tag, fields, inner]) =>
          `<${tag}${Object.entries(fields)
            .map(([key, one]) => ` ${key}="${one}"`)
            .join('')}${inner === '' ? '/' : ''}>${inner}${inner === '' ? '' : `</${tag} >`}`,
      ),
  })).all
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    htmlEntities: true,
    ignorePiTags: true,
  })
  fc.assert(
    fc.property(element, (document) => {
      expect(XMLValidator.validate(document)).toBe(true)
      // A comment ends a text here and not there: line ends around it stay there.
      const told = (tree: unknown): unknown => JSON.parse(JSON.stringify(tree).replaceAll('\\n', ''))
      const [expected] = otherTree(parser.parse(document) as Record<string, unknown>[])
      expect(told(decode('xml', document))).toEqual(told(expected))
    }),
    { seed, numRuns: 1_000 },
  )
})

describe('forms', () => {
  it('are fields by name', () => {
    expect(decode('encoded', 'a=1&b=x+y%26&a=2&c&d=&=e&&f=%zz&g=%ff')).toEqual({
      a: ['1', '2'],
      b: 'x y&',
      c: true,
      d: '',
      '': 'e',
      f: '%zz',
      g: '\ufffd',
    })
    expect(decode('encoded', 'a&'.repeat(1_001))).toContain('more than 1000')
  })
})

describe('multipart', () => {
  it.each([
    ['two fields', `${part('a', '1')}${part('b', 'x\r\ny')}--${BOUNDARY}--`, { a: '1', b: 'x\r\ny' }],
    ['with words around', `before\r\n${part('a', '1')}--${BOUNDARY}--\r\nbehind`, { a: '1' }],
    ['of one name', `${part('a', '1')}${part('a', '')}--${BOUNDARY}--`, { a: ['1', ''] }],
    [
      'hostile names',
      `${part('__proto__', '1')}${part('a%22b', '2')}--${BOUNDARY}--`,
      { ['__proto__']: '1', 'a"b': '2' },
    ],
    ['cut', part('a', '1'), 'has no last boundary'],
    ['without names', `--${BOUNDARY}\r\n\r\nx\r\n--${BOUNDARY}--`, 'has a part without'],
    ['nothing', '', 'has no last boundary'],
    ['many parts', `${part('a', '1').repeat(1_001)}--${BOUNDARY}--`, 'has more than 1000 parts'],
  ])('%s', (_name, body, expected) => {
    const decoded = decode('multipart', body)
    if (typeof expected === 'string') expect(decoded).toContain(expected)
    else expect(JSON.stringify(decoded)).toBe(JSON.stringify(expected))
  })

  it.each([
    ['multipart/form-data'],
    ['multipart/form-data; boundary='],
    [`multipart/form-data; boundary="${'x'.repeat(71)}"`],
  ])('refuses %s', (type) => {
    expect(decode('multipart', part('a', '1'), type)).toContain('no boundary')
  })

  it(`reads what Node.js writes, as Node.js reads it (SEED=${seed})`, async () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', '-', '\r\n', '"', '\\', '%', ';', 'é', ' ', '--', ':'),
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 5 }), async (fields) => {
        const form = new FormData()
        for (const [name, value] of fields) form.append(name, value)
        const response = new Response(form)
        const type = response.headers.get('content-type')!
        const expected: Record<string, unknown> = Object.create(null) as Record<string, unknown>
        const body = await response.text()
        for (const [name, value] of await new Response(body, { headers: { 'content-type': type } }).formData()) {
          const known = expected[name] as string | string[] | undefined
          expected[name] = known === undefined ? value : [known, value as string].flat()
        }
        expect(decode('multipart', body, type)).toEqual(JSON.parse(JSON.stringify(expected)))
      }),
      { seed, numRuns: 300 },
    )
  })
})

it('a format follows from the content type', () => {
  expect(
    [
      'text/xml; charset=utf-8',
      'application/soap+xml',
      'Application/JSON',
      'application/x-www-form-urlencoded',
      'multipart/mixed',
      'text/plain',
      undefined,
    ].map(formatOf),
  ).toEqual(['xml', 'xml', 'json', 'encoded', 'multipart', undefined, undefined])
})

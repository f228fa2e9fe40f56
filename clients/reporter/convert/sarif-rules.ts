import { listOf, numberOf, objectOf, objectsOf, textOf, type Json } from './json.ts'

/** Where a result names its rule (SARIF 2.1.0, sections 3.27.5 to 3.27.7 and 3.52). */
export interface Rule {
  id: string
  descriptor: Json
}

/** By index or by id, in the driver or in one of the extensions, as CodeQL's query packs are. */
export function ruleOf(result: Json, tool: Json): Rule {
  const reference = objectOf(result.rule)
  const component = numberOf(objectOf(reference.toolComponent).index)
  const owner = component === undefined ? objectOf(tool.driver) : objectOf(listOf(tool.extensions)[component])
  const rules = objectsOf(owner.rules)
  const index = numberOf(result.ruleIndex) ?? numberOf(reference.index)
  const id = textOf(result.ruleId) || textOf(reference.id)
  // An id may be finer than its rule's: CA1000/private belongs to CA1000.
  const descriptor =
    (index === undefined ? undefined : rules[index]) ??
    rules.find((rule) => rule.id === id) ??
    rules.find((rule) => textOf(rule.id) !== '' && id.startsWith(`${textOf(rule.id)}/`)) ??
    {}
  return { id: id || textOf(descriptor.id) || 'unnamed rule', descriptor }
}

function filled(template: string, values: unknown[]): string {
  return template.replace(/\{\{|\}\}|\{(\d{1,3})\}/g, (whole, index: string | undefined) =>
    index === undefined ? (whole[0] as string) : textOf(values[Number(index)]),
  )
}

/** The message itself, or the rule's own text with its placeholders filled (section 3.11). */
export function messageOf(result: Json, { descriptor }: Rule): string {
  const message = objectOf(result.message)
  const strings = objectOf(descriptor.messageStrings)
  const id = textOf(message.id)
  const said = textOf(message.text) || (Object.hasOwn(strings, id) ? textOf(objectOf(strings[id]).text) : '')
  const described = textOf(objectOf(descriptor.shortDescription).text) || textOf(descriptor.name)
  return said === '' ? described : Array.isArray(message.arguments) ? filled(said, message.arguments) : said
}

import Joi from 'joi'
import type { DateRange, EntrySchemas, PageQuery } from '../entries/schema.ts'

export interface SearchQuery extends PageQuery, DateRange {
  q?: string
  mood?: string
}

const QUERY_MAX = 200

export const searchQuery = ({ page, range }: EntrySchemas) =>
  Joi.object<SearchQuery, true>({
    ...page,
    ...range,
    q: Joi.string().max(QUERY_MAX).allow('').description('Text in the entry or in a tag, upper and lower case alike'),
    mood: Joi.string().max(QUERY_MAX).allow('').description('The very mood'),
  })

import { commonSettings, integer, type CommonConfig, type Settings } from '#shared/config.ts'

export interface DiaryConfig extends CommonConfig {
  DIARY_LIST_DEFAULT: number
  DIARY_LIST_MAX: number
  DIARY_CONTENT_MAX: number
  DIARY_TAGS_MAX: number
  DIARY_TAG_MAX: number
  DIARY_MAX_IMAGES: number
  UPLOAD_MAX_BYTES: number
}

export const settings: Settings<DiaryConfig> = {
  ...commonSettings,
  DIARY_LIST_DEFAULT: integer(1, 1000).default(20).description('Diary entries in a page of a list'),
  DIARY_LIST_MAX: integer(1, 1000).default(100).description('Most diary entries in a page of a list'),
  DIARY_CONTENT_MAX: integer(1, 1e7).default(100_000).description('Most characters in the text of a diary entry'),
  DIARY_TAGS_MAX: integer(0, 1000).default(50).description('Most tags of a diary entry'),
  DIARY_TAG_MAX: integer(1, 1000).default(100).description('Most characters in a tag of a diary entry'),
  DIARY_MAX_IMAGES: integer(0, 1000).default(10).description('Most images of a diary entry'),
  UPLOAD_MAX_BYTES: integer(1024, 1e10).default(52_428_800).description('Largest image file, in bytes'),
}

import Joi from 'joi'

/** `a, b` as ['a', 'b']: a list is one variable. */
export const list = () =>
  Joi.any().custom((value: unknown) =>
    String(value)
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ) as unknown as Joi.ArraySchema<string[]>

const isOrigin = (text: string) => URL.canParse(text) && new URL(text).origin === text

/**
 * A setting with origins, by commas. A browser sends its origin without a slash at the end: one written so would never match.
 * @param name of the setting
 */
export const origins = (name: string) =>
  list().custom((value: string[], helpers: Joi.CustomHelpers) => {
    const wrong = value.find((origin) => !isOrigin(origin))
    return wrong === undefined
      ? value
      : helpers.message({ custom: `${name} must have origins such as http://localhost:4000, and ${wrong} is none` })
  })

import Joi from 'joi'

/** What a person sends from a page of an interaction; `step` says from which. */
export interface StepForm {
  step: 'login' | 'code' | 'consent' | 'cancel'
  email: string
  password: string
  remember: 'yes' | ''
  code: string
  decision: 'allow' | 'deny'
}

/** Fields of other steps are empty; what is missing is wrong, as is an empty password. */
export const stepSchema = Joi.object<StepForm, true>({
  step: Joi.string().valid('login', 'code', 'consent', 'cancel').required(),
  email: Joi.string().max(254).allow('').default(''),
  password: Joi.string().max(1024).allow('').default(''),
  remember: Joi.string().valid('yes', '').default(''),
  code: Joi.string().max(64).allow('').default(''),
  decision: Joi.string().valid('allow', 'deny').default('deny'),
}).required()

export interface PageQuery {
  lang?: string
  /** Asks for the password although somebody is signed in, or half signed in. */
  login?: string
}

export const querySchema = Joi.object<PageQuery, true>({
  lang: Joi.string().max(35),
  login: Joi.string().max(10),
})

/** A mail in both forms. */
export interface Message {
  subject: string
  text: string
  html: string
}

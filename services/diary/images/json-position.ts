const KEY = 'images'

const code = (char: string) => char.charCodeAt(0)
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY, COMMA, COLON] = ['{', '}', '[', ']', ',', ':'].map(code)

/** Knows, byte by byte, whether a JSON text is directly inside the array of its top-level member `images`. */
export function createJsonPosition() {
  let depth = 0
  let topIsObject = false
  let keyComes = false
  let isKey = false
  let key = ''
  let inImages = false

  return {
    /** A byte outside of strings. */
    structure(byte: number): void {
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        depth++
        if (depth === 1) {
          topIsObject = byte === OPEN_OBJECT
          keyComes = topIsObject
        } else if (depth === 2) inImages = byte === OPEN_ARRAY && topIsObject && !keyComes && key === KEY
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        depth--
        if (depth < 2) inImages = false
      } else if (depth === 1 && byte === COMMA) keyComes = topIsObject
      else if (depth === 1 && byte === COLON) keyComes = false
    },
    /** A string begins. */
    stringStarts(): 'image' | 'other' {
      isKey = depth === 1 && keyComes
      if (isKey) key = ''
      return inImages && depth === 2 ? 'image' : 'other'
    },
    /** A byte of a string; only a key is kept, and no more of it than is needed to tell it apart. */
    key(byte: number): void {
      if (isKey && key.length <= KEY.length) key += String.fromCharCode(byte)
    },
  }
}

/** The 16-digit identification code of a component, in its parts. */
export interface CodePart {
  key: 'district' | 'main' | 'sub' | 'sequence'
  digits: string
}

/** `classDigits`: four, or five in editions with three digits for the subclass. Null for what is no such code. */
export function codeParts(code: string, classDigits = 4): CodePart[] | null {
  if (!/^\d{16}$/.test(code) || (classDigits !== 4 && classDigits !== 5)) return null
  return [
    { key: 'district', digits: code.slice(0, 6) },
    { key: 'main', digits: code.slice(6, 8) },
    { key: 'sub', digits: code.slice(8, 6 + classDigits) },
    { key: 'sequence', digits: code.slice(6 + classDigits) },
  ]
}

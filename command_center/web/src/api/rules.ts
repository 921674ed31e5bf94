/** Alert rules as data: kinds with their limits, and the rules in force. */
import type { UnitKind } from '@/core/frame'
import type { Severity } from '@/core/sound'

import { request } from './http'

export interface Limit {
  /** With a dot: within `pace`. */
  name: string
  label: string
  label_en: string
  unit: string
  lowest: number
  highest: number
  whole: boolean
  default: number
}

export interface RuleKind {
  kind: string
  title: string
  title_en: string
  explanation: string
  explanation_en: string
  zones: 'needed' | 'possible' | 'none'
  severity: Severity
  limits: Limit[]
}

export interface Definition {
  kind: string
  severity: Severity
  enabled: boolean
  schedule: { days: number[]; since: string; to: string }
  pace: Record<string, number>
  [limit: string]: unknown
}

export interface AlertRule {
  key: string
  version: number
  unit_kinds: UnitKind[]
  org_unit_ids: number[]
  area_code: string | null
  zone_codes: string[]
  definition: Definition
  changed_by: string | null
  changed_at: string
}

export const alertRules = {
  kinds: () => request<{ kinds: RuleKind[] }>('GET', '/alert-rules/kinds').then(({ kinds }) => kinds),
  list: () => request<{ rules: AlertRule[] }>('GET', '/alert-rules').then(({ rules }) => rules),
  put: (key: string, body: Omit<AlertRule, 'key' | 'version' | 'changed_by' | 'changed_at'>) => request<AlertRule>('PUT', `/alert-rules/${key}`, { body }),
}

/** The value of a limit in a definition, its usual one where none stands there. */
export function limitOf(definition: Partial<Definition>, limit: Limit): number {
  const [part, name] = limit.name.includes('.') ? limit.name.split('.') : [null, limit.name]
  const found = part ? (definition[part] as Record<string, unknown> | undefined)?.[name!] : definition[name!]
  return typeof found === 'number' ? found : limit.default
}

/** A definition of the limits that a kind has, and of nothing else. */
export function definitionOf(kind: RuleKind, told: Pick<Definition, 'severity' | 'enabled' | 'schedule'>, limits: Record<string, number>): Definition {
  const made: Definition = { kind: kind.kind, ...told, pace: {} }
  for (const limit of kind.limits) {
    const value = limits[limit.name] ?? limit.default
    const [part, name] = limit.name.split('.')
    if (name && part === 'pace') made.pace[name] = value
    else if (name && value > 0) made[part!] = { ...(made[part!] as object | undefined), [name]: value }
    else if (name) continue
    else made[limit.name] = value
  }
  return made
}

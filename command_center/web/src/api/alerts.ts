/** Alerts: the list by filter, its file, one alert's story, and what an operator does with it. */
import type { Severity } from '@/core/sound'

import { fetchFile, request, type Query } from './http'
import type { Alert } from './types'

export const FATES = ['acknowledged', 'unacknowledged', 'handled', 'corrected', 'withdrawn'] as const
export type Fate = (typeof FATES)[number]

export interface AlertQuery extends Query {
  state: 'open' | 'closed' | 'all'
  rule?: readonly string[]
  severity?: readonly Severity[]
  fate?: Fate | null
  unit?: number | null
  area?: string | null
  from?: string | null
  to?: string | null
  limit?: number
  cursor?: string | null
}

/** What late fixes did to an alert. */
export interface AlertLogEntry {
  at: string
  event: 'corrected' | 'withdrawn' | 'reinstated'
  detail: Record<string, unknown>
}

export const alertApi = {
  list: (query: AlertQuery) => request<{ alerts: Alert[]; next: string | null }>('GET', '/alerts', { query }),
  file: (query: AlertQuery) => fetchFile('GET', '/alerts/export', { query }),
  one: (id: number) => request<Alert>('GET', `/alerts/${id}`),
  log: (id: number) => request<AlertLogEntry[]>('GET', `/alerts/${id}/log`),
  acknowledge: (id: number, note?: string) => request<Alert>('POST', `/alerts/${id}/acknowledge`, { body: note ? { note } : {} }),
  note: (id: number, note: string) => request<Alert>('POST', `/alerts/${id}/notes`, { body: { note } }),
  close: (id: number, note: string) => request<Alert>('POST', `/alerts/${id}/close`, { body: { note } }),
}

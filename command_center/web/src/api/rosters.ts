/** Rosters, rules for positions outside duty, and the faults of devices. */
import type { UnitKind } from '@/core/frame'

import { request, upload, type Query } from './http'

export interface PlannedTurn {
  id: number
  starts_at: string
  ends_at: string
  shift_id: number | null
  shift: string | null
  grid: string | null
  route: string | null
}

export interface UnitWeek {
  id: number
  device_key: string
  kind: UnitKind
  person_id: number | null
  name: string
  name_en: string | null
  org_unit: string
  org_unit_en: string | null
  area_code: string
  turns: PlannedTurn[]
}

export interface Shift {
  id: number
  name: string
  device_id: number | null
  device_key: string | null
  person_id: number | null
  holder: string | null
  holder_en: string | null
  responsibility_grid_id: number | null
  grid: string | null
  route_id: number | null
  route: string | null
  cycle_days: number
  days: number[]
  since: string
  until: string
  first_day: string
  last_day: string | null
  skipped: string[]
  enabled: boolean
  devices: number
}

/** What is sent to make or change a shift. */
export type ShiftBody = Pick<Shift, 'name' | 'device_id' | 'person_id' | 'responsibility_grid_id' | 'route_id' | 'cycle_days' | 'days' | 'since' | 'until' | 'first_day' | 'last_day' | 'skipped' | 'enabled'>

export interface SheetReport {
  stored: boolean
  rows: number
  bad: { row: number; column: string; reason_zh: string; reason: string }[]
}

export type Keeping = 'keep' | 'drop' | 'state'

export interface OffDutyRule {
  id: number
  unit_kind: UnitKind | null
  org_unit_id: number | null
  org_unit: string | null
  org_unit_en: string | null
  area_code: string | null
  area: string | null
  area_en: string | null
  outside: Keeping
  before_s: number
  after_s: number
  unrostered: Keeping
  on_map: 'hidden' | 'last'
  changed_by: string | null
  changed_at: string
  devices: number
  dropped_7d: number
}

export interface DeviceQuality {
  device_id: number
  key: string
  clock_offset_s: number | null
  clock_found_at: string | null
  flags: string[]
  signals: string[]
  tallies: { day: string; reason: string; name: string; name_en: string; count: number; last_at: string; refused: boolean; raw: boolean }[]
}

type Page<K extends string, T> = { [key in K]: T[] } & { next: string | null }

export const rosters = {
  week: (query: Query) => request<Page<'units', UnitWeek> & { from_day: string }>('GET', '/rosters/week', { query }),
  shifts: (query: Query) => request<Page<'shifts', Shift>>('GET', '/rosters/shifts', { query }),
  addShift: (body: ShiftBody) => request<Shift>('POST', '/rosters/shifts', { body }),
  changeShift: (id: number, body: Partial<ShiftBody>) => request<Shift>('PATCH', `/rosters/shifts/${id}`, { body }),
  removeShift: (id: number) => request<void>('DELETE', `/rosters/shifts/${id}`),
  addTurn: (body: { device_id: number; starts_at: string; ends_at: string; responsibility_grid_id: number | null }) => request<{ id: number }>('POST', '/rosters/turns', { body }),
  cancelTurn: (id: number) => request<void>('DELETE', `/rosters/turns/${id}`),
  sheet: (file: File, trial: boolean) => upload<SheetReport>(`/rosters/shifts.csv?trial=${trial}`, file, () => undefined),
  grids: () => request<{ grids: { id: number; name: string }[] }>('GET', '/rosters/grids').then(({ grids }) => grids),

  offDuty: () => request<{ rules: OffDutyRule[] }>('GET', '/off-duty-rules').then(({ rules }) => rules),
  addOffDuty: (body: Partial<OffDutyRule>) => request<OffDutyRule>('POST', '/off-duty-rules', { body }),
  changeOffDuty: (id: number, body: Partial<OffDutyRule>) => request<OffDutyRule>('PUT', `/off-duty-rules/${id}`, { body }),
  removeOffDuty: (id: number) => request<void>('DELETE', `/off-duty-rules/${id}`),

  quality: (id: number) => request<DeviceQuality>('GET', `/devices/${id}/quality`),
}

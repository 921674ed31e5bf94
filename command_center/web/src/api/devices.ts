import { request } from './http'

export type SpeedUnit = 'kn' | 'kmh' | 'mps'
export type CommandState = 'waiting' | 'sent' | 'done' | 'failed' | 'expired'

/** What only one device is asked for: how it speaks. */
export interface DeviceChange {
  terminal_number?: string | null
  speed_unit?: SpeedUnit
  period_s?: number
  /** Told once, never shown again; null: its payloads are not encrypted. */
  payload_secret?: string | null
}

export interface DeviceCommand {
  id: string
  kind: 'text' | 'locate'
  body: { text?: string }
  requested_at: string
  expires_at: string
  state: CommandState
  sent_at: string | null
  finished_at: string | null
  result: string | null
}

export const OPEN_STATES: readonly CommandState[] = ['waiting', 'sent']

export const devices = {
  change: (id: number, change: DeviceChange) => request<void>('PATCH', `/devices/${id}`, { body: change }),
  commands: (id: number) => request<{ commands: DeviceCommand[] }>('GET', `/units/${id}/commands`, { query: { limit: 20 } }).then((answer) => answer.commands),
  send: (id: number, command: { kind: 'text' | 'locate'; text?: string; within_s: number }) => request<DeviceCommand>('POST', `/units/${id}/commands`, { body: command }),
}

/** Spans of time as people choose them, by the clock in China. */
import { dayBounds, dayText, minuteText } from './time'

/** Epoch ms. */
export interface Span {
  from: number
  to: number
}

export const QUICK_SPANS = ['min10', 'hour', 'today', 'yesterday'] as const
export type QuickSpan = (typeof QUICK_SPANS)[number]

export function quickSpan(key: QuickSpan, now: number): Span {
  const [start] = dayBounds(now)
  if (key === 'min10') return { from: now - 600_000, to: now }
  if (key === 'hour') return { from: now - 3_600_000, to: now }
  if (key === 'today') return { from: start, to: now }
  return { from: start - 86_400_000, to: start }
}

/** What is wrong with a span of at most `days`; null: nothing. */
export function spanProblem({ from, to }: Span, days: number): 'order' | 'long' | null {
  if (to <= from) return 'order'
  return to - from > days * 86_400_000 ? 'long' : null
}

/** `2026-11-20T09:05`, as a field for date and time takes it. */
export function stampOf(time: number): string {
  return `${dayText(time)}T${minuteText(time)}`
}

/** Of what such a field gives; NaN when it is empty. */
export function timeOf(text: string): number {
  return text ? Date.parse(`${text.length === 16 ? `${text}:00` : text}+08:00`) : Number.NaN
}

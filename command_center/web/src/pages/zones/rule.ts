/** What a zone's rule says, in short words. */
import type { Rule, Window } from '@/api/zones'

export const WEEK = [1, 2, 3, 4, 5, 6, 7]

/** A window that ends at or before its start ends on the next day. */
export function overMidnight({ from, to }: Window): boolean {
  return to <= from
}

/** Runs of weekdays: [1,2,3,4,5,7] gives [[1,5],[7,7]]. */
export function runsOf(days: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const day of days.toSorted((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last && last[1] === day - 1) last[1] = day
    else runs.push([day, day])
  }
  return runs
}

/** `t` gives the words: weekdays by number, next day, every day, all day. */
export function windowText(one: Window, t: (key: string, named?: Record<string, unknown>) => string): string {
  const days = one.days.length === 7 ? t('zones.everyDay') : runsOf(one.days).map(([a, b]) => (a === b ? t(`zones.day.${a}`) : `${t(`zones.day.${a}`)}–${t(`zones.day.${b}`)}`)).join(t('zones.and'))
  const hours = one.from === '00:00' && one.to === '24:00' ? t('zones.allDay') : `${one.from}–${overMidnight(one) ? t('zones.nextDay') : ''}${one.to}`
  return `${days} ${hours}`
}

export function ruleText(kind: string, rule: Rule, t: (key: string, named?: Record<string, unknown>) => string): string {
  if (kind === 'timing_area') return rule.timing ? t(`zones.timing.${rule.timing}`) : ''
  const when = rule.windows?.length ? rule.windows.map((one) => windowText(one, t)).join(t('zones.and')) : `${t('zones.everyDay')} ${t('zones.allDay')}`
  const fence = kind === 'fence' ? `${t(`zones.keep.${rule.keep ?? 'inside'}`)}${rule.max_kmh ? ` · ≤ ${rule.max_kmh} km/h` : ''} · ` : ''
  return fence + when
}

/** The rule without what is empty, as the platform takes it. */
export function trimmed(kind: string, rule: Rule): Rule {
  if (kind === 'timing_area') return { timing: rule.timing ?? 'general' }
  const out: Rule = {}
  if (rule.windows?.length) out.windows = rule.windows
  const dates = (rule.dates ?? []).map(({ from, to }) => ({ ...(from ? { from } : {}), ...(to ? { to } : {}) })).filter((span) => Object.keys(span).length)
  if (dates.length) out.dates = dates
  if (rule.except?.length) out.except = rule.except
  if (rule.classes?.length) out.classes = rule.classes
  if (kind === 'fence') {
    out.keep = rule.keep ?? 'inside'
    if (rule.max_kmh) out.max_kmh = rule.max_kmh
    if (rule.kinds?.length) out.kinds = rule.kinds
  }
  return out
}

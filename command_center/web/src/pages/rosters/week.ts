/** Days and turns of a week by the clock in China. */
import type { PlannedTurn } from '@/api/rosters'
import { dayText } from '@/core/time'

export const DAY_MS = 86_400_000

/** Midnight in China of `2026-11-20`. */
export function midnight(day: string): number {
  return Date.parse(`${day}T00:00:00+08:00`)
}

export function plusDays(day: string, count: number): string {
  return dayText(midnight(day) + count * DAY_MS)
}

export function mondayOf(day: string): string {
  const weekday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7
  return plusDays(day, -weekday)
}

export function daysOf(first: string): string[] {
  return Array.from({ length: 7 }, (_, number) => plusDays(first, number))
}

/** Turns by the day on which they begin; one that began before the week stands on its first day. */
export function turnsByDay(turns: readonly PlannedTurn[], days: readonly string[]): PlannedTurn[][] {
  const found: PlannedTurn[][] = days.map(() => [])
  for (const turn of turns) {
    const day = dayText(Date.parse(turn.starts_at))
    const place = day < days[0]! ? 0 : days.indexOf(day)
    found[place]?.push(turn)
  }
  return found
}

/** How many units are on duty at some time of each day. */
export function covered(units: readonly { turns: readonly PlannedTurn[] }[], days: readonly string[]): number[] {
  return days.map((day) => {
    const [begin, end] = [midnight(day), midnight(day) + DAY_MS]
    return units.filter(({ turns }) => turns.some((turn) => Date.parse(turn.starts_at) < end && Date.parse(turn.ends_at) > begin)).length
  })
}

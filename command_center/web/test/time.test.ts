import { describe, expect, it } from 'vitest'

import { ageText, clockText, dateText, dayBounds, dayText, kmh, stampText } from '../src/core/time'

const EVENING_UTC = Date.parse('2026-11-20T17:05:09Z')

describe('times', () => {
  it('are China Standard Time wherever the machine stands', () => {
    expect(clockText(EVENING_UTC)).toBe('01:05:09')
    expect(dayText(EVENING_UTC)).toBe('2026-11-21')
    expect(stampText('2026-11-20T17:05:09Z')).toBe('2026-11-21 01:05:09')
    expect(dateText(EVENING_UTC, 'zh')).toBe('2026年11月21日星期六')
    expect(dateText(EVENING_UTC, 'en')).toContain('21 November 2026')
  })

  it('begin a day at midnight in China', () => {
    const [start, end] = dayBounds(EVENING_UTC)
    expect(new Date(start).toISOString()).toBe('2026-11-20T16:00:00.000Z')
    expect(end - start).toBe(86_400_000)
  })

  it.each([
    [-3, '0秒', '0s'],
    [8.9, '8秒', '8s'],
    [192, '3分12秒', '3m12s'],
    [7500, '2时05分', '2h05m'],
    [90_000, '1天1时', '1d1h'],
  ])('%d s ago is said as %s, %s', (seconds, zh, en) => {
    expect(ageText(seconds, 'zh')).toBe(zh)
    expect(ageText(seconds, 'en')).toBe(en)
  })

  it('give speeds a decimal only when slow', () => {
    expect(kmh(1.2)).toBe('4.3')
    expect(kmh(15)).toBe('54')
  })
})
